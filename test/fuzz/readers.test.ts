import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { readCorpus } from "./corpus.ts";
import { outcomeOf } from "./reader.ts";
import { READERS } from "./readers.ts";

describe("readers of what comes from outside", () => {
  const corpus = readCorpus();

  it.each(READERS.map((reader) => [reader.name, reader] as const))(
    "%s: what fuzzing has found before comes to the same again",
    (name, reader) => {
      const found = corpus.filter((one) => one.reader === name);
      expect(found.length).toBeGreaterThan(1);
      expect(found.map(({ input }) => outcomeOf(reader, input))).toEqual(found.map(({ outcome }) => outcome));
    },
  );

  it.each(READERS.map((reader) => [reader.name, reader] as const))(
    "%s: mutated inputs are refused or read as others read them",
    (_name, reader) => {
      fc.assert(
        fc.property(reader.inputs, (bytes) => {
          outcomeOf(reader, bytes);
        }),
        { seed: 20261122, numRuns: Math.ceil(200 / reader.weight) },
      );
    },
  );
});
