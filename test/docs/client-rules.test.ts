import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { clientRows } from "../rows/clients.ts";
import { namedTestExists, namedTests } from "../support/named-tests.ts";

const PAGE = readFileSync("docs/client-rules.md", "utf8");

/** The cells of the table's rows, by the id of their rule. */
const lines = new Map(
  PAGE.split("\n")
    .filter((line) => line.startsWith("| CL"))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map(([, id = "", says = "", who = "", tests = ""]) => [id, { says, who, tests }] as const),
);

/** Whether a title in the test's file holds the id, and stands where the page says. */
const isOfRule = (id: string, { file, part }: { readonly file: string; readonly part: string }): boolean =>
  readFileSync(`test/${file}`, "utf8")
    .split("\n")
    .some((line) => line.includes(`[${id}]`) && line.includes(part));

describe("the page of what clients rely on", () => {
  it("has every rule of the catalogue, in its words and order, and says who needs it", () => {
    expect([...lines].map(([id, { says }]) => ({ id, says }))).toEqual(
      clientRows.map(({ id, says }) => ({ id, says })),
    );
    expect([...lines].filter(([, { who }]) => who === "")).toEqual([]);
  });

  it("names tests that exist", () => {
    expect(namedTests(PAGE).filter((named) => !namedTestExists(named))).toEqual([]);
    expect(PAGE.match(/\.ts` "/gu)).toHaveLength(namedTests(PAGE).length);
  });

  it.each(clientRows)("names a test for $id whose title has the id", ({ id }) => {
    const tests = namedTests(lines.get(id)?.tests ?? "");
    expect(tests.length).toBeGreaterThan(0);
    expect(tests.filter((named) => !isOfRule(id, named))).toEqual([]);
  });
});
