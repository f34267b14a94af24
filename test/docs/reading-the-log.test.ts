import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { MayflyError, REASONS } from "../../src/core/errors.ts";
import type { Reason } from "../../src/core/errors.ts";
import { makePublicLogView } from "../../src/ctlog/public-log-view.ts";
import { rfc6962Reads } from "../../src/http/routes/rfc6962-reads.ts";
import { staticCtReads } from "../../src/http/routes/static-ct-reads.ts";
import { describeError } from "../../src/wire/errors.ts";
import { openServedLog } from "../support/served-log.ts";

const PAGE = readFileSync("docs/reading-the-log.md", "utf8");
const REASON_NAMES = Object.values(REASONS).flat();

function isReason(text: string): text is Reason {
  return REASON_NAMES.some((name) => name === text);
}

describe("the page on reading the log", () => {
  it("asks for what a log of 600 entries has", async () => {
    const urls = Array.from(
      PAGE.matchAll(/^curl (?!.*--get).*?https:\/\/ca\.example\.com\/log(?<path>[^\s"]+)/gmu),
      ({ groups }) => groups?.["path"] ?? "",
    );
    expect(urls).toHaveLength(10);
    await using log = await openServedLog({ store: "memory" });
    await log.add(600);
    for (const path of urls) {
      const { status } = await log.get(path);
      expect({ path, status }).toEqual({ path, status: 200 });
    }
  });

  it("names everything that there is to read", async () => {
    await using log = await openServedLog({ store: "memory" });
    const view = makePublicLogView({ store: log.store, manifest: log.manifest });
    const published = { pathPrefix: "/log", view, roots: [] };
    const reads = [...staticCtReads(published), ...rfc6962Reads(published)];
    expect(reads.length).toBeGreaterThan(10);
    expect(reads.map(({ template }) => template).filter((name) => !PAGE.includes(`| \`/${name}`))).toEqual([]);
  });

  it("names refusals with the statuses that they have", () => {
    const rows = Array.from(PAGE.matchAll(/^\| (?<status>\d{3}) +\| (?<reasons>`[^|]+)\|/gmu), ({ groups }) => ({
      status: Number(groups?.["status"]),
      reasons: Array.from((groups?.["reasons"] ?? "").matchAll(/`([A-Z_]+)`/gu), ([, name = ""]) => name),
    }));
    expect(rows.length).toBeGreaterThan(7);
    for (const { status, reasons } of rows) {
      for (const name of reasons) {
        if (!isReason(name)) throw new Error(`no reason ${name}`);
        expect({ name, status: describeError(new MayflyError(name, "")).status }).toEqual({ name, status });
      }
    }
  });
});
