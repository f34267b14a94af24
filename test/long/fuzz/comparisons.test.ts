import { describe, expect, it } from "@jest/globals";
import { COMPARISONS } from "../../fuzz/comparisons.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { FUZZ_RUNS, FUZZ_SEED } from "./fuzz-length.ts";

describe("what decides who gets a certificate", () => {
  it.each(COMPARISONS.map((one) => [one.name, one] as const))(
    "%s: no input on which a slow, obvious reading of the rules comes to something else",
    (name, { run, weight, needed }) => {
      const numRuns = Math.ceil(FUZZ_RUNS / weight ** 2);
      const outcomes = run({ seed: FUZZ_SEED, numRuns });
      const counts = [...outcomes].map(([outcome, count]) => `${String(count)} ${outcome}`).sort();
      recordEvidence(`${name}: seed ${String(FUZZ_SEED)}, ${String(numRuns)} inputs: ${counts.join(", ")}`);
      expect([...outcomes.keys()]).toEqual(expect.arrayContaining([...needed]));
    },
  );
});
