import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { namedTestExists, namedTests } from "../support/named-tests.ts";

const PAGE = readFileSync("docs/divergences.md", "utf8");

/** Rows that are not headings: they start with a cell and hold more than dashes. */
const rows = PAGE.split("\n").filter((line) => /^\| [^-]/u.test(line) && !/^\| (?:Area|Fulcio has) +\|/u.test(line));

describe("the page of differences from Fulcio", () => {
  it("names tests that exist", () => {
    expect(namedTests(PAGE).filter((named) => !namedTestExists(named))).toEqual([]);
  });

  it("names one in every row", () => {
    const without = rows.filter((row) => namedTests(row).length === 0);
    expect(rows.length).toBeGreaterThan(80);
    expect(without.map((row) => row.split("|")[1]?.trim())).toEqual([]);
  });
});
