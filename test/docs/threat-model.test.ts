import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { namedTestExists, namedTests } from "../support/named-tests.ts";

const PAGE = readFileSync("docs/threat-model.md", "utf8");

/** Rows of the tables whose last column is a test. */
const rows = PAGE.split(/^## /mu)
  .filter((section) => /^\| .*\| Test +\|$/mu.test(section))
  .flatMap((section) =>
    section
      .split("\n")
      .filter((line) => /^\| [^-]/u.test(line))
      .slice(1),
  );

describe("the threat model", () => {
  it("names tests that exist", () => {
    expect(namedTests(PAGE).filter((named) => !namedTestExists(named))).toEqual([]);
  });

  it("names one for every defence", () => {
    expect(rows.length).toBeGreaterThan(50);
    expect(rows.filter((row) => namedTests(row).length === 0)).toEqual([]);
  });

  it("names nothing that looks like a test and is not read as one", () => {
    expect(PAGE.match(/\.ts[`"]* "/gu)).toHaveLength(namedTests(PAGE).length);
  });
});
