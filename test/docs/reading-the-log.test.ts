import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { MayflyError, REASONS } from "../../src/core/errors.ts";
import type { Reason } from "../../src/core/errors.ts";
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
