import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { readProcessUsage } from "../../benchmarks/process-usage.ts";
import {
  condense,
  formatTable,
  summarize,
  type LevelResult,
  type MeasuredRound,
  type MemorySample,
  type Run,
} from "../../benchmarks/results.ts";
import { median, percentile } from "../../benchmarks/statistics.ts";

const run = (levels: readonly LevelResult[], memory: readonly MemorySample[] = []): Run => ({
  levels,
  memory,
  startMs: 987.6,
});

const round = (concurrency: number, cpuMs: number | undefined, floorUs = 200): MeasuredRound => ({
  concurrency,
  floorUs,
  perSecond: 1000,
  p50Ms: concurrency,
  p99Ms: 2 * concurrency,
  cpuMs,
  peakRssMiB: cpuMs === undefined ? undefined : 100 + concurrency,
});

const level = (concurrency: number, cpuMs: number | undefined): LevelResult => condense([round(concurrency, cpuMs)]);

describe("statistics", () => {
  it.each([
    [[3], 3],
    [[4, 1, 3], 3],
    [[4, 1, 3, 2], 2.5],
  ])("takes the median of %j as %d", (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it.each([
    [0.5, 50],
    [0.99, 99],
    [1, 100],
    [0, 1],
  ])("takes the %d percentile of 1 to 100 as %d", (share, expected) => {
    expect(
      percentile(
        Array.from({ length: 100 }, (_, index) => 100 - index),
        share,
      ),
    ).toBe(expected);
  });

  it("leaves at least the asked share at or below a percentile, and less than it below", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 1 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (values, share) => {
          const limit = percentile(values, share);
          expect(values.filter((value) => value <= limit).length).toBeGreaterThanOrEqual(share * values.length);
          expect(values.filter((value) => value < limit).length).toBeLessThan(share * values.length);
        },
      ),
      { seed: 20261122 },
    );
  });

  it("has no answer for no values", () => {
    expect(() => median([])).toThrow(RangeError);
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });
});

describe("results", () => {
  it("compares the CPU at 16 callers with the floor and takes the idle latency from a single caller", () => {
    expect(summarize(run([level(1, 0.9), level(16, 0.5), level(64, 0.4)]))).toMatchObject({
      cpuOverFloor: 2.5,
      p50IdleMs: 1,
      startMs: 988,
      floorUs: 200,
      cpuUsPerCertificate: 500,
    });
  });

  it("holds each round against the floor of its own seconds: a machine that slows down slows both", () => {
    const rounds = [
      round(16, 0.5, 200),
      round(16, 0.75, 300),
      round(16, 1, 400),
      round(16, 1.2, 400),
      round(16, 0.4, 200),
    ];
    expect(condense(rounds)).toMatchObject({ cpuOverFloor: 2.5, cpuMs: 0.75, floorUs: 300, peakRssMiB: 116 });
  });

  it("knows no multiple when a round's CPU is not known, and nothing of no rounds", () => {
    expect(condense([round(16, 0.5), round(16, undefined)])).toMatchObject({
      cpuMs: undefined,
      cpuOverFloor: undefined,
    });
    expect(() => condense([])).toThrow(RangeError);
  });

  it("compares memory at the end with what it was 30,000 certificates earlier, and tells the peak of all rounds", () => {
    const memory = [
      { issued: 10_000, rssMiB: 90 },
      { issued: 20_000, rssMiB: 110.4 },
      { issued: 30_000, rssMiB: 150 },
      { issued: 50_000, rssMiB: 120.2 },
    ];
    expect(summarize(run([level(1, 1), level(16, 1)], memory))).toMatchObject({ rssMiB: 150, rssGrowthMiB: 10 });
    expect(summarize(run([level(1, 1), level(16, 1), level(64, 1)], memory))).toMatchObject({ rssMiB: 164 });
    expect(summarize(run([level(1, 1), level(16, 1)], memory.slice(1, 3)))).toMatchObject({ rssGrowthMiB: null });
  });

  it("says what it could not measure instead of a number", () => {
    const summary = summarize(run([level(1, undefined), level(16, undefined)]));
    expect(summary).toMatchObject({ cpuOverFloor: null, rssMiB: null, cpuUsPerCertificate: null });
    expect(summary.skipped).toContain("/proc");
    expect(formatTable([level(16, undefined)])).toContain("—");
  });

  it("refuses to summarize without the concurrency that counts", () => {
    expect(() => summarize(run([level(1, 1), level(64, 1)]))).toThrow(RangeError);
    // Another entrance does not stand in for the one that is watched.
    const other = { ...level(16, 1), entrance: "gRPC" };
    expect(() => summarize(run([level(1, 1), other]))).toThrow(RangeError);
  });

  it("names the entrance of callers who come by another one", () => {
    const table = formatTable([level(16, 0.5), { ...level(16, 1), entrance: "gRPC" }]);
    expect(table).toMatch(/^\| +16 \|/mu);
    expect(table).toMatch(/^\| +16 gRPC \|/mu);
  });
});

describe("process usage", () => {
  it("agrees with what a process counts of itself", () => {
    const before = process.cpuUsage();
    const usage = readProcessUsage(process.pid);
    if (process.platform !== "linux") {
      expect(usage).toBeUndefined();
      return;
    }
    const after = process.cpuUsage();
    expect(usage?.cpuMs).toBeGreaterThanOrEqual((before.user + before.system) / 1000 - 40);
    expect(usage?.cpuMs).toBeLessThanOrEqual((after.user + after.system) / 1000 + 40);
    expect((usage?.peakRssMiB ?? 0) * 1024).toBeCloseTo(process.resourceUsage().maxRSS, -5);
  });

  it("has no answer for a process that is not there", () => {
    if (process.platform === "linux") expect(() => readProcessUsage(2 ** 22 + 1)).toThrow("ENOENT");
    else expect(readProcessUsage(2 ** 22 + 1)).toBeUndefined();
  });
});
