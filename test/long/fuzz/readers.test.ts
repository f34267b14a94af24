import { afterAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { readCorpus, writeCorpus, type Found } from "../../fuzz/corpus.ts";
import { outcomeOf } from "../../fuzz/reader.ts";
import { READERS } from "../../fuzz/readers.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { FUZZ_RUNS, FUZZ_SEED } from "./fuzz-length.ts";

const KEPT_INPUT_BYTES = 4_096;

describe("readers of what comes from outside", () => {
  const known = readCorpus();
  const fresh = new Map<string, Found>();

  afterAll(() => {
    recordEvidence(`${known.length} inputs in the corpus; ${fresh.size} outcomes that it did not have`);
    if (process.env["MAYFLY_KEEP_CORPUS"] === "1") writeCorpus([...known, ...fresh.values()]);
  });

  it.each(READERS.map((reader) => [reader.name, reader] as const))(
    "%s: no input breaks it, and what it accepts others read alike",
    (name, reader) => {
      const outcomes = new Map<string, number>();
      const numRuns = Math.ceil(FUZZ_RUNS / reader.weight ** 2);
      fc.assert(
        fc.property(reader.inputs, (input) => {
          const outcome = outcomeOf(reader, input);
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
          const isKnown = known.some((one) => one.reader === name && one.outcome === outcome);
          const before = fresh.get(`${name} ${outcome}`);
          const isShorter = input.length < (before?.input.length ?? KEPT_INPUT_BYTES);
          if (!isKnown && isShorter) fresh.set(`${name} ${outcome}`, { reader: name, outcome, input });
        }),
        { seed: FUZZ_SEED, numRuns },
      );
      const accepted = outcomes.get("accepted") ?? 0;
      recordEvidence(`${name}: seed ${FUZZ_SEED}, ${numRuns} inputs, ${accepted} accepted, ${outcomes.size} outcomes`);
      expect(accepted).toBeGreaterThan(0);
      expect(outcomes.size).toBeGreaterThan(1);
    },
  );
});
