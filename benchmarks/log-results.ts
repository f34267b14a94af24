import { appendFileSync } from "node:fs";
import { describeMachine, formatRows } from "./results.ts";

/** Appending at one concurrency. */
export interface AppendLevel {
  readonly concurrency: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What entries cost in a log of one size. */
export interface GrowthPoint {
  /** Entries of the log when the measurement began. */
  readonly size: number;
  readonly cpuUsPerEntry: number;
  /** To the disk, WAL and database both; undefined where the system does not tell. */
  readonly writtenBytesPerEntry: number | undefined;
  /** Of the log's process after they were appended: resident, and in use by JavaScript. */
  readonly rssMiB: number;
  readonly usedMiB: number;
}

/** Reading one thing over and over, by readers on another core than the server's. */
export interface ReadLevel {
  readonly what: string;
  readonly perSecond: number;
  readonly p99Ms: number;
}

/** One `mayfly log verify` of the grown log. */
export interface VerifyRun {
  readonly entriesPerSecond: number;
  readonly peakRssMiB: number | undefined;
  /** From the disk; the rest was in memory. */
  readonly readMiB: number | undefined;
}

/** All that was measured of the log. */
export interface LogResults {
  readonly appends: readonly AppendLevel[];
  readonly growth: readonly GrowthPoint[];
  /** Entries of the grown log. */
  readonly size: number;
  /** Start of the server with the grown log to its first 200 of `/readyz`, milliseconds. */
  readonly startMs: number;
  readonly startRssMiB: number | undefined;
  /** Empty where there are no two cores to separate server and readers. */
  readonly reads: readonly ReadLevel[];
  readonly verify: readonly VerifyRun[];
}

const fixed = (value: number | undefined, digits: number): string => value?.toFixed(digits) ?? "—";

/** Markdown tables, readable in a terminal too. */
export function formatLogResults({ appends, growth, reads, ...rest }: LogResults): string {
  const { size, startMs, startRssMiB, verify } = rest;
  return [
    ...formatRows(
      ["callers", "entries/s", "p50 ms", "p99 ms"],
      appends.map(({ concurrency, perSecond, p50Ms, p99Ms }) => [
        String(concurrency),
        fixed(perSecond, 0),
        fixed(p50Ms, 2),
        fixed(p99Ms, 2),
      ]),
    ),
    "",
    ...formatRows(
      ["log of", "CPU µs/entry", "bytes written/entry", "RSS MiB", "in use MiB"],
      growth.map((point) => [
        String(point.size),
        fixed(point.cpuUsPerEntry, 0),
        fixed(point.writtenBytesPerEntry, 0),
        fixed(point.rssMiB, 0),
        fixed(point.usedMiB, 0),
      ]),
    ),
    "",
    ...formatRows(
      ["read", "answers/s", "p99 ms"],
      reads.map(({ what, perSecond, p99Ms }) => [what, fixed(perSecond, 0), fixed(p99Ms, 2)]),
    ),
    "",
    ...formatRows(
      ["log verify", "entries/s", "read from disk MiB", "peak RSS MiB"],
      verify.map(({ entriesPerSecond, readMiB, peakRssMiB }, at) => [
        at === 0 ? "first" : "again",
        fixed(entriesPerSecond, 0),
        fixed(readMiB, 0),
        fixed(peakRssMiB, 0),
      ]),
    ),
    "",
    `With ${String(size)} entries: start to ready ${fixed(startMs, 0)} ms (${fixed(startRssMiB, 0)} MiB).`,
  ].join("\n");
}

/** The numbers that are watched over time. */
export function summarizeLog({ appends, growth, reads, size, startMs, verify }: LogResults): object {
  const [first, last] = [growth[0], growth.at(-1)];
  const ratio = (now: number | undefined, before: number | undefined): number | null =>
    now === undefined || before === undefined ? null : Number((now / before).toFixed(2));
  const difference = (now: number | undefined, before: number | undefined): number | null =>
    now === undefined || before === undefined ? null : Math.round(now - before);
  return {
    size,
    appendsPerSecond: Object.fromEntries(
      appends.map(({ concurrency, perSecond }) => [concurrency, Math.round(perSecond)]),
    ),
    cpuGrowth: ratio(last?.cpuUsPerEntry, first?.cpuUsPerEntry),
    writtenGrowth: ratio(last?.writtenBytesPerEntry, first?.writtenBytesPerEntry),
    rssGrowthMiB: difference(last?.rssMiB, first?.rssMiB),
    usedGrowthMiB: difference(last?.usedMiB, first?.usedMiB),
    readsPerSecond: Object.fromEntries(reads.map(({ what, perSecond }) => [what, Math.round(perSecond)])),
    startMs: Math.round(startMs),
    verifiedPerSecond: verify.map(({ entriesPerSecond }) => Math.round(entriesPerSecond)),
  };
}

/** Adds a dated entry with the machine it was measured on. */
export function appendLogResults(file: string, results: LogResults): void {
  const date = new Date().toISOString().slice(0, 10);
  appendFileSync(file, `\n## ${date}: the log\n\n${describeMachine()}.\n\n${formatLogResults(results)}\n`);
}
