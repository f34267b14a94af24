import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  judgeClock,
  startClockHistory,
  type ClockHistory,
  type ClockReading,
} from "../../../src/core/time/judge-clock.ts";

const START: ClockReading = { wallMs: 1_000_000_000, monotonicMs: 50, sinceBootMs: 700_000 };

/** The reading after `elapsedMs` of a clock that was set by `setMs` meanwhile. */
const later = (elapsedMs: number, setMs = 0): ClockReading => ({
  wallMs: START.wallMs + elapsedMs + setMs,
  monotonicMs: START.monotonicMs + elapsedMs,
  sinceBootMs: START.sinceBootMs + elapsedMs,
});

/** The same of a machine that slept for `sleptMs` before the reading. */
const awake = (reading: ClockReading, sleptMs: number): ClockReading => ({
  ...reading,
  wallMs: reading.wallMs + sleptMs,
  sinceBootMs: reading.sinceBootMs + sleptMs,
});

/** Verdict kinds of readings that follow each other. */
function judge(readings: readonly ClockReading[], lastMs = 0): string[] {
  let history: ClockHistory = startClockHistory(START);
  return readings.map((reading) => {
    const judged = judgeClock(history, reading, lastMs);
    history = judged.history;
    return judged.verdict.kind;
  });
}

describe("judgeClock", () => {
  it("takes the wall clock's time when it is later than the log's last", () => {
    const { verdict } = judgeClock(startClockHistory(START), later(70), START.wallMs);
    expect(verdict).toEqual({ kind: "accepted", timestampMs: START.wallMs + 70 });
  });

  it.each([
    ["equal to", 0],
    ["ahead of", 4_999],
    ["ahead by the tolerance of", 5_000],
  ])("takes the next millisecond when the log's last time is %s the clock", (_, aheadMs) => {
    const lastMs = START.wallMs + aheadMs;
    const { verdict } = judgeClock(startClockHistory(START), START, lastMs);
    expect(verdict).toEqual({ kind: "accepted", timestampMs: lastMs + 1 });
  });

  it("refuses a clock that is more than 5 s behind the log, until it has caught up", () => {
    const lastMs = START.wallMs + 5_001;
    expect(judge([later(0), later(1)], lastMs)).toEqual(["refused", "accepted"]);
  });

  it.each([
    ["forward", 5_001],
    ["back", -5_001],
  ])("refuses a clock that was set %s for 30 s", (_, setMs) => {
    const readings = [later(10), later(20, setMs), later(30_019, setMs), later(30_020, setMs)];
    expect(judge(readings)).toEqual(["accepted", "refused", "refused", "accepted"]);
  });

  it.each([
    ["was set forward", later(0, 6_000), 0, 30_000],
    ["was set back", later(0, -6_000), 0, 30_000],
    ["was set back, and is behind the log by more", later(0, -60_000), START.wallMs, 55_000],
    ["is behind the log", later(0), START.wallMs + 5_001, 1],
    // Somebody has to set it back, and then it has to run steadily.
    ["jumped ahead by more than an hour", later(0, 3_600_001), 0, 30_000],
  ])("tells when a clock can be believed again at the earliest: one that %s", (_, reading, lastMs, againInMs) => {
    const { verdict } = judgeClock(startClockHistory(START), reading, lastMs);
    expect(verdict).toMatchObject({ kind: "refused", againInMs });
  });

  it("believes a clock again at the moment that it told, and not before", () => {
    for (const setMs of [6_000, -6_000, -60_000]) {
      const lastMs = START.wallMs;
      const { verdict, history } = judgeClock(startClockHistory(START), later(0, setMs), lastMs);
      if (verdict.kind !== "refused") throw new TypeError("made otherwise");
      const kindAt = (ms: number): string => judgeClock(history, later(ms, setMs), lastMs).verdict.kind;
      expect([kindAt(verdict.againInMs - 1), kindAt(verdict.againInMs)]).toEqual(["refused", "accepted"]);
    }
  });

  it("begins the 30 s again when the clock is set again", () => {
    const readings = [later(0, 6_000), later(29_000, 20_000), later(31_000, 20_000), later(59_000, 20_000)];
    expect(judge(readings)).toEqual(["refused", "refused", "refused", "accepted"]);
  });

  it("refuses a clock that was set and put right again, for 30 s", () => {
    expect(judge([later(0, 9_000), later(10), later(30_011)])).toEqual(["refused", "refused", "accepted"]);
  });

  it("does not mind a slow drift, however far it leads", () => {
    const readings = Array.from({ length: 5_000 }, (_, at) => later(at * 60_000, at * 1_000));
    expect(new Set(judge(readings))).toEqual(new Set(["accepted"]));
  });

  it("never believes a jump forward of more than an hour, until the clock is set back", () => {
    const jumped = 3_600_001;
    const readings = [later(0, jumped), later(40_000, jumped), later(86_400_000, jumped), later(86_400_001)];
    expect(judge([...readings, later(86_430_002)])).toEqual(["refused", "refused", "refused", "refused", "accepted"]);
  });

  it("never believes many small jumps forward that make more than an hour together", () => {
    const readings = Array.from({ length: 1_000 }, (_, at) => later(at * 1_000, (at + 1) * 6_000));
    const verdicts = judge([...readings, later(1_030_000, 6_000_000)]);
    expect(new Set(verdicts)).toEqual(new Set(["refused"]));
  });

  it("believes a jump forward of an hour once the clock has run steadily", () => {
    expect(judge([later(0, 3_600_000), later(30_000, 3_600_000)])).toEqual(["refused", "accepted"]);
  });

  it.each([10_000, 3_600_001, 30 * 86_400_000])("does not take a sleep of %i ms for a jump", (sleptMs) => {
    expect(judge([later(0), awake(later(1), sleptMs), awake(later(40_000), sleptMs)])).toEqual([
      "accepted",
      "accepted",
      "accepted",
    ]);
  });

  it("refuses a clock that was set while the machine slept", () => {
    const hour = 3_600_000;
    expect(judge([awake(later(0, 6_000), hour), awake(later(30_000, 6_000), hour)])).toEqual(["refused", "accepted"]);
    expect(judge([awake(later(0, -2 * hour), hour), awake(later(30_000, -2 * hour), hour)])).toEqual([
      "refused",
      "accepted",
    ]);
    expect(judge([awake(later(0, hour + 1), hour), awake(later(86_400_000, hour + 1), hour)])).toEqual([
      "refused",
      "refused",
    ]);
  });

  it("does not mind a time since boot that is wrong, as in some containers, while the other clocks agree", () => {
    const lost = (reading: ClockReading): ClockReading => ({ ...reading, sinceBootMs: 5 });
    expect(judge([later(0), lost(later(10)), lost(later(100_000))])).toEqual(["accepted", "accepted", "accepted"]);
  });

  it.each([
    ["set forward", later(10, 6_000), 0, "was set forward by 6 s"],
    ["set back", later(10, -61_000), 0, "was set back by 61 s"],
    ["jumping", later(10, 7_200_000), 0, "jumped forward by 7200 s; set it back, or restart Mayfly if"],
    ["behind the log", later(10), START.wallMs + 90_010, "is 90 s behind the log's newest time"],
  ])("says of a clock %s what is wrong with it", (_, reading, lastMs, why) => {
    const { verdict } = judgeClock(startClockHistory(START), reading, lastMs);
    expect(verdict).toMatchObject({ kind: "refused", why: expect.stringContaining(why) });
  });

  it("[P12] gives times that grow, whatever the clocks do", () => {
    const step = fc.record({
      elapsedMs: fc.nat(200_000),
      sleptMs: fc.oneof(fc.constant(0), fc.nat(10_000_000)),
      setMs: fc.oneof(fc.constant(0), fc.integer({ min: -8_000_000, max: 8_000_000 })),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let history = startClockHistory(START);
        let reading = START;
        let lastMs = START.wallMs;
        for (const { elapsedMs, sleptMs, setMs } of steps) {
          reading = {
            wallMs: reading.wallMs + elapsedMs + sleptMs + setMs,
            monotonicMs: reading.monotonicMs + elapsedMs,
            sinceBootMs: reading.sinceBootMs + elapsedMs + sleptMs,
          };
          const judged = judgeClock(history, reading, lastMs);
          history = judged.history;
          if (judged.verdict.kind === "refused") continue;
          const { timestampMs } = judged.verdict;
          expect(timestampMs).toBeGreaterThan(lastMs);
          expect(timestampMs - reading.wallMs).toBeLessThanOrEqual(5_001);
          lastMs = timestampMs;
        }
      }),
      { seed: 20261122, numRuns: 500 },
    );
  });
});
