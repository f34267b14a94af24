import { describe, expect, it } from "@jest/globals";
import { readConfigAgain } from "../../src/compose/read-again.ts";
import type { ReadAgainParts } from "../../src/compose/read-again.ts";
import { ConfigError, parseConfig } from "../../src/config/load-config.ts";
import type { Config } from "../../src/config/schema.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { makePauseSwitch } from "../../src/issuance/pause-switch.ts";
import { makeRecordingTelemetry } from "../fakes/recording-telemetry.ts";
import { MEMORY_CONFIG } from "../support/memory-config.ts";

const config = (more = ""): Config => parseConfig(`${MEMORY_CONFIG}${more}`, "c.yaml");

/** Reads again what `read` gives, beside a service that was started without more. */
async function readAgain(read: () => Config, isPaused = false, shards: Partial<ReadAgainParts["shards"]> = {}) {
  const changes: boolean[] = [];
  const wanted: unknown[] = [];
  const telemetry = makeRecordingTelemetry();
  const pauseSwitch = makePauseSwitch(isPaused, (now) => changes.push(now));
  await readConfigAgain(read, {
    config: config(),
    pauseSwitch,
    telemetry,
    shards: {
      plan: () => ({ added: [], refusals: [] }),
      change: (all) => {
        wanted.push(...all.map(({ name }) => name));
        return Promise.resolve();
      },
      ...shards,
    },
  });
  return { changes, wanted, notices: telemetry.notices };
}

describe("a configuration that is read again", () => {
  it.each([
    ["pauses", "issuance: { paused: true }\n", false, [true]],
    ["resumes", "", true, [false]],
    ["leaves paused what is paused", "issuance: { paused: true }\n", true, []],
    ["changes nothing that is as it was", "", false, []],
  ])("%s", async (_what, more, isPaused, changes) => {
    const outcome = await readAgain(() => config(more), isPaused);
    expect(outcome.changes).toEqual(changes);
    expect(outcome.notices).toEqual([{ level: "info", message: "configuration read again", fields: {} }]);
  });

  it("names what waits for the next start", async () => {
    const { changes, notices } = await readAgain(() =>
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

  it.each([false, true])("changes nothing when it cannot be used, paused or not: %s", async (isPaused) => {
    const { changes, notices } = await readAgain(() => {
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

  it("hands on the shards that are wanted", async () => {
    expect((await readAgain(() => config())).wanted).toEqual(["log"]);
  });

  it("changes nothing at all, not even the brake, where something speaks against the shards", async () => {
    const refusals = ["shard a is gone", "shard b cannot go from frozen to active"];
    const { changes, wanted, notices } = await readAgain(() => config("issuance: { paused: true }\n"), false, {
      plan: () => ({ added: [], refusals }),
    });
    expect({ changes, wanted }).toEqual({ changes: [], wanted: [] });
    expect(notices).toEqual([
      {
        level: "error",
        message: "configuration refused; the one before stays in force",
        fields: { error: `log.shards: ${refusals.join("; ")}` },
      },
    ]);
  });

  it("pulls the brake all the same where a shard cannot be opened, and says so", async () => {
    const { changes, notices } = await readAgain(() => config("issuance: { paused: true }\n"), false, {
      change: () => Promise.reject(new MayflyError("LOG_MISSING", "there is no log")),
    });
    expect(changes).toEqual([true]);
    expect(notices).toEqual([
      {
        level: "error",
        message: "log.shards refused; those before stay in force",
        fields: { error: "there is no log" },
      },
      { level: "info", message: "configuration read again", fields: {} },
    ]);
  });
});
