import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { clientRows } from "../rows/clients.ts";
import { GOLDEN_REQUESTS } from "../support/golden-requests.ts";
import { namedTestExists, namedTests } from "../support/named-tests.ts";

const PAGE = readFileSync("docs/client-rules.md", "utf8");

/** The cells of the table's rows, by the id of their rule. */
const lines = new Map(
  PAGE.split("\n")
    .filter((line) => line.startsWith("| CL"))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map(([, id = "", says = "", who = "", tests = ""]) => [id, { says, who, tests }] as const),
);

/** Clients by the beginnings of their requests' names, and as the page calls them. */
const PAGE_NAMES = [
  ["cosign2", "cosign 2"],
  ["cosign3", "cosign 2 and 3"],
  ["sigstore-java-email", "sigstore-java over gRPC"],
  ["sigstore-java-github", "sigstore-java over gRPC"],
  ["sigstore-java-http", "sigstore-java over HTTP"],
  ...["gitsign", "sigstore-js", "sigstore-python", "go-witness", "sigstore-rs", "sigstore-ruby"].map(
    (name) => [name, name] as const,
  ),
] as const;

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

  it("says whose requests are recorded, and whose composed", () => {
    const [, recorded = "", composed = ""] =
      /recorded from\s([^]*?), and composed as in their sources for\s([^]*?)\(/u.exec(PAGE) ?? [];
    const written = PAGE_NAMES.map(([name, inPage]) => ({
      name,
      isRecorded: recorded.replaceAll("\n", " ").includes(inPage),
    }));
    const kept = PAGE_NAMES.map(([name]) => {
      const sources = GOLDEN_REQUESTS.filter((request) => request.name.startsWith(name)).map(({ source }) => source);
      return { name, isRecorded: sources.length > 0 && sources.every((source) => source.startsWith("recorded")) };
    });
    expect(kept).toEqual(written);
    expect(
      PAGE_NAMES.filter(([, inPage]) => !`${recorded} ${composed}`.replaceAll("\n", " ").includes(inPage)),
    ).toEqual([]);
    expect(GOLDEN_REQUESTS.filter(({ name }) => !PAGE_NAMES.some(([client]) => name.startsWith(client)))).toEqual([]);
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
