import { describe, expect, it } from "@jest/globals";
import { existsSync, readFileSync } from "node:fs";

const rows = readFileSync("docs/glossary.md", "utf8")
  .split("\n")
  .filter((line) => /^\| [^-]/u.test(line) && !line.startsWith("| Term "))
  .map((line) => line.split("|").map((cell) => cell.trim()));

describe("the glossary", () => {
  it("says of every term where it is in the code, rightly", () => {
    const missing = rows.filter(([, , , , place = ""]) => !existsSync(`src/${place.replaceAll("`", "")}`));
    expect(rows.length).toBeGreaterThan(50);
    expect(missing).toEqual([]);
  });

  it("has each term once", () => {
    const terms = rows.map(([, term]) => term);
    expect(terms).toEqual([...new Set(terms)]);
  });
});
