import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  judgeSample,
  SAMPLE_INTERVAL_MS,
  startConditionHistory,
  type ConditionHistory,
  type Sample,
} from "../../../src/core/readiness/judge-sample.ts";

/** What is judged after each sample of a text of `.` (good) and `!` (bad), 5 s apart, in the same letters. */
function judged(samples: string): string {
  let history: ConditionHistory | undefined;
  return Array.from(samples)
    .map((letter, at) => {
      const sample = letter === "!" ? "broken" : undefined;
      const nowMs = 1_000 + at * SAMPLE_INTERVAL_MS;
      history = history === undefined ? startConditionHistory(sample, nowMs) : judgeSample(history, sample, nowMs);
      return history.problem === undefined ? "." : "!";
    })
    .join("");
}

describe("a condition that is judged by samples", () => {
  it.each([
    ["turns bad with the third bad sample in a row", ".!!!!", "...!!"],
    ["stays good through two bad ones", ".!!.!!.", "......."],
    ["turns good with the second good sample in a row", "!....", "!!..."],
    ["stays bad through single good ones", "!.!.!.", "!!!!!!"],
    ["is what the first sample says", "!", "!"],
    ["changes back only as slowly as it changed", ".!!!.!..!!!", "...!!!!...!"],
    ["does not move when every second sample is bad", ".!.!.!.!.!.!", "............"],
  ])("[V4] %s", (_, samples, expected) => {
    expect(samples).toHaveLength(expected.length);
    expect(judged(samples)).toBe(expected);
  });

  it("[V4] counts no sample within 5 s of the last one that counted, however many come", () => {
    let history = startConditionHistory(undefined, 0);
    for (let nowMs = 1; nowMs < 3 * SAMPLE_INTERVAL_MS; nowMs++) history = judgeSample(history, "broken", nowMs);
    expect(history).toMatchObject({ problem: undefined, against: 2 });
    expect(judgeSample(history, "broken", 3 * SAMPLE_INTERVAL_MS).problem).toBe("broken");
  });

  it("counts a sample that comes late as one", () => {
    const history = startConditionHistory(undefined, 0);
    expect(judgeSample(history, "broken", 3_600_000)).toMatchObject({ problem: undefined, against: 1 });
  });

  it("says what is wrong now, not what was wrong first", () => {
    const history = startConditionHistory("busy", 0);
    expect(judgeSample(history, "full", SAMPLE_INTERVAL_MS).problem).toBe("full");
    expect(judgeSample(history, undefined, SAMPLE_INTERVAL_MS).problem).toBe("busy");
  });

  it("changes at most once in two samples, and only to what was sampled", () => {
    const samples = fc.array(fc.constantFrom<Sample>(undefined, "busy", "full"), { minLength: 2, maxLength: 60 });
    fc.assert(
      fc.property(samples, (taken) => {
        let history = startConditionHistory(taken[0], 0);
        let changedAt = -1;
        taken.slice(1).forEach((sample, at) => {
          const next = judgeSample(history, sample, (at + 1) * SAMPLE_INTERVAL_MS);
          if ((next.problem === undefined) !== (history.problem === undefined)) {
            expect(at - changedAt).toBeGreaterThanOrEqual(2);
            expect(next.problem).toBe(sample);
            changedAt = at;
          }
          history = next;
        });
      }),
      { seed: 20261122 },
    );
  });
});
