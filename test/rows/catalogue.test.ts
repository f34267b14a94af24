import { describe, expect, it } from "@jest/globals";
import { catalogue } from "./catalogue.ts";

describe("the catalogue of inputs", () => {
  it("has each id once", () => {
    const ids = catalogue.map(({ id }) => id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  });

  it("has ids that the names of tests can hold", () => {
    expect(catalogue.filter(({ id }) => !/^(?:FC|FE|[A-V])\d+$/u.test(id))).toEqual([]);
  });

  it("says in a line what must happen", () => {
    expect(catalogue.filter(({ says }) => says.trim() === "" || says.includes("\n"))).toEqual([]);
  });

  it("has no row that waits and does not apply", () => {
    expect(catalogue.filter((row) => row.waits !== undefined && row.appliesNot !== undefined)).toEqual([]);
  });
});
