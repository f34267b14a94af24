import { describe, expect, it } from "@jest/globals";
import { idleLimitMs, recoveredAfterMs, type LoneSample } from "../../benchmarks/recovery.ts";

/** A lone caller's answers, one after the other. */
function samplesOf(latenciesMs: readonly number[]): LoneSample[] {
  let atMs = 0;
  return latenciesMs.map((latencyMs) => {
    atMs += latencyMs === Infinity ? 1 : latencyMs;
    return { atMs, latencyMs };
  });
}

const times = (count: number, latencyMs: number): number[] => Array.from({ length: count }, () => latencyMs);

describe("the latency that is as good as idle", () => {
  it.each([
    [2, 7],
    [10, 15],
    [40, 60],
  ])("after %d ms while idle is %d ms at most", (idleP50Ms, limitMs) => {
    expect(idleLimitMs(idleP50Ms)).toBe(limitMs);
  });
});

describe("a recovery", () => {
  it("is when the first answer was there that is as good as idle and followed by more of them", () => {
    expect(recoveredAfterMs(samplesOf([100, 80, ...times(60, 2)]), 7)).toBe(182);
  });

  it("is at the first answer when nothing was ever slow", () => {
    expect(recoveredAfterMs(samplesOf(times(50, 7)), 7)).toBe(7);
  });

  it("is not before refusals have ended", () => {
    expect(recoveredAfterMs(samplesOf([...times(30, Infinity), 3, ...times(60, 2)]), 7)).toBe(33);
  });

  it("is not undone by a few stragglers, but by more than a few", () => {
    const ends = times(60, 2);
    expect(recoveredAfterMs(samplesOf([2, ...times(5, 50), ...ends]), 7)).toBe(2);
    expect(recoveredAfterMs(samplesOf([2, ...times(6, 50), ...ends]), 7)).toBe(304);
  });

  it("is not known from too few answers, or from slow ones", () => {
    expect(recoveredAfterMs([], 7)).toBeUndefined();
    expect(recoveredAfterMs(samplesOf(times(49, 2)), 7)).toBeUndefined();
    expect(recoveredAfterMs(samplesOf(times(500, 8)), 7)).toBeUndefined();
  });
});
