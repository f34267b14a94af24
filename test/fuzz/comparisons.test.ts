import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { comparison, requireSame } from "./comparison.ts";
import { COMPARISONS } from "./comparisons.ts";

describe("what decides who gets a certificate", () => {
  it.each(COMPARISONS.map((one) => [one.name, one] as const))(
    "%s: is what a slow, obvious reading of the rules makes of it",
    (_name, { run, weight, needed }) => {
      const outcomes = run({ seed: 20261123, numRuns: Math.ceil(400 / weight) });
      expect([...outcomes.keys()]).toEqual(expect.arrayContaining([...needed]));
    },
  );
});

describe("a comparison", () => {
  it("fails with the shortest input on which the two differ, and the seed", () => {
    const { run } = comparison({
      name: "two sums",
      weight: 1,
      needed: [],
      inputs: fc.nat(),
      compare: (input) => {
        requireSame(input, input < 77 ? input : -1);
        return "same";
      },
    });
    expect(() => run({ seed: 7, numRuns: 1000 })).toThrow(/seed: 7[^]*Counterexample: \[77\]/u);
  });
});
