import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { MUTANTS, WITHOUT_OWN_CHECKS, type Substitution } from "./mutants.ts";

const occurrences = ({ file, from }: Substitution): number =>
  readFileSync(join(import.meta.dirname, "..", "..", "src", file), "utf8").split(from).length - 1;

describe("a defect for the judges to catch", () => {
  it.each(MUTANTS.map((mutant) => [mutant.defect, mutant] as const))("has its place in the source: %s", (_, mutant) => {
    expect(occurrences(mutant)).toBe(1);
    expect(mutant.to).not.toBe(mutant.from);
  });

  it("is not hidden by a check of our own: each of them has its place in the source", () => {
    expect(WITHOUT_OWN_CHECKS.map(occurrences)).toEqual(WITHOUT_OWN_CHECKS.map(() => 1));
  });

  it("is one of at least thirty, none of them twice", () => {
    expect(new Set(MUTANTS.map(({ defect }) => defect)).size).toBe(MUTANTS.length);
    expect(MUTANTS.length).toBeGreaterThanOrEqual(30);
  });
});
