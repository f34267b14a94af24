import { describe, expect, it } from "@jest/globals";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appendLogResults, formatLogResults, summarizeLog, type LogResults } from "../../benchmarks/log-results.ts";
import { readWrittenBytes } from "../../benchmarks/process-usage.ts";

const RESULTS: LogResults = {
  appends: [
    { concurrency: 1, perSecond: 700.4, p50Ms: 1.2, p99Ms: 5 },
    { concurrency: 256, perSecond: 9000, p50Ms: 20, p99Ms: 40 },
  ],
  growth: [
    { size: 1_000, cpuUsPerEntry: 80, writtenBytesPerEntry: 8_000, rssMiB: 200, usedMiB: 80 },
    { size: 1_000_000, cpuUsPerEntry: 100, writtenBytesPerEntry: 8_800, rssMiB: 203.4, usedMiB: 81 },
  ],
  size: 1_008_192,
  startMs: 1_100.4,
  startRssMiB: 135,
  reads: [{ what: "checkpoint", perSecond: 9_999.6, p99Ms: 3 }],
  verify: [
    { entriesPerSecond: 19_000.5, peakRssMiB: 210, readMiB: 4_000 },
    { entriesPerSecond: 23_000, peakRssMiB: 211, readMiB: 0 },
  ],
};

describe("summarizeLog", () => {
  it("says by how much an entry became dearer from the first size to the last", () => {
    expect(summarizeLog(RESULTS)).toEqual({
      size: 1_008_192,
      appendsPerSecond: { 1: 700, 256: 9_000 },
      cpuGrowth: 1.25,
      writtenGrowth: 1.1,
      rssGrowthMiB: 3,
      usedGrowthMiB: 1,
      readsPerSecond: { checkpoint: 10_000 },
      startMs: 1_100,
      verifiedPerSecond: [19_001, 23_000],
    });
  });

  it("has no ratios where the system does not tell what was written", () => {
    const growth = RESULTS.growth.map((point) => ({ ...point, writtenBytesPerEntry: undefined }));
    expect(summarizeLog({ ...RESULTS, growth })).toMatchObject({ writtenGrowth: null, cpuGrowth: 1.25 });
  });

  it("has none where the log did not grow to the first size", () => {
    expect(summarizeLog({ ...RESULTS, growth: [] })).toMatchObject({ cpuGrowth: null, rssGrowthMiB: null });
  });
});

describe("formatLogResults", () => {
  it("has a row for each measurement", () => {
    const rows = formatLogResults(RESULTS).split("\n");
    expect(rows).toContain("|     256 |      9000 |  20.00 |  40.00 |");
    expect(rows).toContain("| 1000000 |          100 |                8800 |     203 |         81 |");
    expect(rows).toContain("| checkpoint |     10000 |   3.00 |");
    expect(rows).toContain("|      again |     23000 |                  0 |          211 |");
    expect(rows.at(-1)).toBe("With 1008192 entries: start to ready 1100 ms (135 MiB).");
  });
});

describe("appendLogResults", () => {
  it("adds an entry behind what is there", () => {
    const file = join(mkdtempSync(join(tmpdir(), "mayfly-results-")), "RESULTS.md");
    appendLogResults(file, RESULTS);
    appendLogResults(file, RESULTS);
    expect(readFileSync(file, "utf8").match(/^## \d{4}-\d\d-\d\d: the log$/gmu)).toHaveLength(2);
  });
});

describe("readWrittenBytes", () => {
  it("counts up, where there is a /proc", () => {
    const before = readWrittenBytes(process.pid);
    if (process.platform !== "linux") expect(before).toBeUndefined();
    else expect(readWrittenBytes(process.pid)).toBeGreaterThanOrEqual(before ?? NaN);
  });
});
