import { describe, expect, it } from "@jest/globals";
import { readConfigAgain } from "../../src/compose/read-again.ts";
import { ConfigError, parseConfig } from "../../src/config/load-config.ts";
import type { Config } from "../../src/config/schema.ts";
import { makePauseSwitch } from "../../src/issuance/pause-switch.ts";
import { makeRecordingTelemetry } from "../fakes/recording-telemetry.ts";
import { MEMORY_CONFIG } from "../support/memory-config.ts";

const config = (more = ""): Config => parseConfig(`${MEMORY_CONFIG}${more}`, "c.yaml");

/** Reads again what `read` gives, beside a service that was started without more. */
function readAgain(read: () => Config, isPaused = false) {
  const changes: boolean[] = [];
  const telemetry = makeRecordingTelemetry();
  const pauseSwitch = makePauseSwitch(isPaused, (now) => changes.push(now));
  readConfigAgain(read, { config: config(), pauseSwitch, telemetry });
  return { changes, notices: telemetry.notices };
}

describe("a configuration that is read again", () => {
  it.each([
    ["pauses", "issuance: { paused: true }\n", false, [true]],
    ["resumes", "", true, [false]],
    ["leaves paused what is paused", "issuance: { paused: true }\n", true, []],
    ["changes nothing that is as it was", "", false, []],
  ])("%s", (_what, more, isPaused, changes) => {
    const outcome = readAgain(() => config(more), isPaused);
    expect(outcome.changes).toEqual(changes);
    expect(outcome.notices).toEqual([{ level: "info", message: "configuration read again", fields: {} }]);
  });

  it("names what waits for the next start", () => {
    const { changes, notices } = readAgain(() =>
      config("issuance: { paused: true }\nshutdown: { drainSeconds: 7 }\nlogging: { level: warn }\n"),
    );
    expect(changes).toEqual([true]);
    expect(notices).toEqual([
      {
        level: "warn",
        message: "settings have changed that wait for the next start",
        fields: { settings: "shutdown, logging" },
      },
    ]);
  });

  it.each([false, true])("changes nothing when it cannot be used, paused or not: %s", (isPaused) => {
    const { changes, notices } = readAgain(() => {
      throw new ConfigError("c.yaml:3: foo: unknown setting");
    }, isPaused);
    expect(changes).toEqual([]);
    expect(notices).toEqual([
      {
        level: "error",
        message: "configuration refused; the one before stays in force",
        fields: { error: "c.yaml:3: foo: unknown setting" },
      },
    ]);
  });
});
