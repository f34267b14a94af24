import { describe, expect, it } from "@jest/globals";
import { existsSync, readFileSync } from "node:fs";

const PAGE = readFileSync("docs/divergences.md", "utf8");

/** A file under `test/` in code font, then a part of it in quotation marks: how the page names its evidence. */
const EVIDENCE = /`(?<file>(?:[a-z0-9-]+\/)+[a-z0-9-]+\.(?:test\.ts|ts|json))` "(?<part>[^"]+)"/gu;

const evidence = Array.from(PAGE.matchAll(EVIDENCE), ({ groups }): [string, string] => [
  groups?.["file"] ?? "",
  groups?.["part"] ?? "",
]);

/** Rows that are not headings: they start with a cell and hold more than dashes. */
const rows = PAGE.split("\n").filter((line) => /^\| [^-]/u.test(line) && !/^\| (?:Area|Fulcio has) +\|/u.test(line));

describe("the page of differences from Fulcio", () => {
  it("names tests that exist", () => {
    const exists = (file: string, part: string) =>
      existsSync(`test/${file}`) && readFileSync(`test/${file}`, "utf8").includes(part);
    expect(evidence.filter(([file, part]) => !exists(file, part))).toEqual([]);
  });

  it("names one in every row but those of what is not there", () => {
    const without = rows.filter((row) => !/` "[^"]+"/u.test(row));
    expect(rows.length).toBeGreaterThan(80);
    expect(without.map((row) => row.split("|")[1]?.trim())).toEqual(["an external CT log"]);
  });
});
