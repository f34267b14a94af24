import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { watchReadiness } from "../../src/compose/watch-readiness.ts";
import type { WatchedReadiness } from "../../src/compose/watch-readiness.ts";
import { SAMPLE_INTERVAL_MS } from "../../src/core/readiness/judge-sample.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import type { FakeClock } from "../fakes/fake-clock.ts";
import { makeRecordingTelemetry } from "../fakes/recording-telemetry.ts";
import type { RecordingTelemetry } from "../fakes/recording-telemetry.ts";

let clock: FakeClock;
let telemetry: RecordingTelemetry;
let watched: WatchedReadiness;
/** What is wrong at the moment. */
let wrong: { certain?: string | undefined; passing?: string | undefined };

function watch(): void {
  watched = watchReadiness([{ name: "log", certain: () => wrong.certain, passing: () => wrong.passing }], {
    clock,
    telemetry,
    lookMs: 1_000,
  });
}

beforeEach(() => {
  jest.useFakeTimers();
  clock = makeFakeClock();
  telemetry = makeRecordingTelemetry();
  wrong = {};
  watch();
});

afterEach(() => {
  watched.close();
  jest.useRealTimers();
});

/** Lets so many seconds pass, with the timer of the watch running. */
function pass(seconds: number): void {
  for (let second = 0; second < seconds; second++) {
    clock.advance(1_000);
    jest.advanceTimersByTime(1_000);
  }
}

const isReady = (): boolean => watched.checks().every(({ ok }) => ok);

describe("readiness under watch", () => {
  it("[V4] turns at once, and back, with what is certain", () => {
    wrong.certain = "LOG_CLOCK";
    expect(watched.checks()).toEqual([{ name: "log", ok: false, detail: "LOG_CLOCK" }]);
    wrong = {};
    expect(watched.checks()).toEqual([{ name: "log", ok: true }]);
    expect(telemetry.notices).toEqual([]);
  });

  it("[V4] turns with what lasts: after three bad samples, back after two good ones", () => {
    wrong.passing = "LOG_BUSY";
    pass(14);
    expect(watched.checks()).toEqual([{ name: "log", ok: true, detail: "LOG_BUSY" }]);
    pass(1);
    expect(watched.checks()).toEqual([{ name: "log", ok: false, detail: "LOG_BUSY" }]);
    wrong = {};
    pass(9);
    expect(watched.checks()).toEqual([{ name: "log", ok: false, detail: "LOG_BUSY" }]);
    pass(1);
    expect(watched.checks()).toEqual([{ name: "log", ok: true }]);
    expect(telemetry.notices).toEqual([
      { level: "warn", message: "not ready", fields: { check: "log", detail: "LOG_BUSY" } },
      { level: "info", message: "ready again", fields: { check: "log" } },
    ]);
  });

  it("[V4] does not flap when every second batch fails, however often it is asked", () => {
    const answers = new Set<boolean>();
    for (let second = 0; second < 600; second++) {
      wrong.passing = Math.floor(second / 5) % 2 === 0 ? "LOG_BUSY" : undefined;
      pass(1);
      answers.add(isReady());
    }
    expect(answers).toEqual(new Set([true]));
    expect(telemetry.notices).toEqual([]);
  });

  it("says no from the start when the first sample is bad", () => {
    watched.close();
    wrong.passing = "LOG_DISK_FULL";
    watch();
    expect(watched.checks()).toEqual([{ name: "log", ok: false, detail: "LOG_DISK_FULL" }]);
    expect(telemetry.notices).toMatchObject([{ message: "not ready" }]);
  });

  it("is judged by time that passed, not by the wall clock", () => {
    wrong.passing = "LOG_BUSY";
    for (let look = 0; look < 20; look++) {
      clock.step(SAMPLE_INTERVAL_MS);
      watched.look();
    }
    expect(isReady()).toBe(true);
  });

  it("is not looked at any more once it is closed", () => {
    watched.close();
    wrong.passing = "LOG_BUSY";
    pass(60);
    expect(isReady()).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });
});
