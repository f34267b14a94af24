import { describe, expect, it } from "@jest/globals";
import {
  judgeClock,
  startClockHistory,
  type ClockHistory,
  type ClockReading,
} from "../../../src/core/time/judge-clock.ts";

const START: ClockReading = { wallMs: 1_000_000_000, monotonicMs: 50 };

/** The reading after `elapsedMs` of a clock that was set by `setMs` meanwhile. */
const later = (elapsedMs: number, setMs = 0): ClockReading => ({
  wallMs: START.wallMs + elapsedMs + setMs,
  monotonicMs: START.monotonicMs + elapsedMs,
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
});
