import { describe, expect, it } from "@jest/globals";
import { catalogue } from "./catalogue.ts";
import { FEATURES } from "./row.ts";

const previousLetter = (id: string): string => String.fromCharCode(id.charCodeAt(id.length - 1) - 1);

describe("the catalogue of inputs", () => {
  it("has each id once", () => {
    const ids = catalogue.map(({ id }) => id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  });

  it("has ids that the names of tests can hold", () => {
    expect(catalogue.filter(({ id }) => !/^(?:CL|FC|FE|[A-V])\d+[b-z]?$/u.test(id))).toEqual([]);
  });

  it("has a second part only of a row that has a first", () => {
    const ids = new Set(catalogue.map(({ id }) => id));
    const parts = catalogue.map(({ id }) => id).filter((id) => /[b-z]$/u.test(id));
    const before = (id: string): string => id.slice(0, -1) + (id.endsWith("b") ? "" : previousLetter(id));
    expect(parts.filter((id) => !ids.has(before(id)))).toEqual([]);
    expect(parts.length).toBeGreaterThan(0);
  });

  it("waits for each feature that it names", () => {
    const waits = new Set(catalogue.map((row) => row.waits));
    expect(FEATURES.filter((feature) => !waits.has(feature))).toEqual([]);
  });

  it("says in a line what must happen", () => {
    expect(catalogue.filter(({ says }) => says.trim() === "" || says.includes("\n"))).toEqual([]);
  });

  it("has no row that waits and does not apply", () => {
    expect(catalogue.filter((row) => row.waits !== undefined && row.appliesNot !== undefined)).toEqual([]);
  });
});
