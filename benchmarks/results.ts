import { appendFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";

/** What was measured at one concurrency; CPU and memory are undefined where the system does not tell. */
export interface LevelResult {
  readonly concurrency: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of the server process per certificate, all threads, milliseconds. */
  readonly cpuMs: number | undefined;
  readonly peakRssMiB: number | undefined;
}

/** The numbers that are watched over time. */
export interface Summary {
  /** CPU per certificate at 16 callers as a multiple of the crypto floor. */
  readonly cpuOverFloor: number | null;
  /** Median latency of a single caller. */
  readonly p50IdleMs: number;
  /** The most memory that was resident while requests were answered. */
  readonly rssMiB: number | null;
  /** The most while the process started, when the keys' passphrases are stretched. */
  readonly startRssMiB: number | null;
  readonly floorUs: number;
  readonly cpuUsPerCertificate: number | null;
  readonly certificatesPerSecond: number;
  readonly node: string;
  readonly skipped?: string;
}

const NO_PROC = "CPU and memory: no /proc on this system";
const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/** Picks the watched numbers from the levels. */
export function summarize(levels: readonly LevelResult[], floorUs: number, startRssMiB?: number): Summary {
  const level = (concurrency: number): LevelResult => {
    const found = levels.find((candidate) => candidate.concurrency === concurrency);
    if (found === undefined) throw new RangeError(`concurrency ${String(concurrency)} was not measured`);
    return found;
  };
  const { cpuMs, perSecond } = level(16);
  const peaks = levels.flatMap(({ peakRssMiB }) => peakRssMiB ?? []);
  return {
    cpuOverFloor: cpuMs === undefined ? null : round((cpuMs * 1000) / floorUs, 2),
    p50IdleMs: round(level(1).p50Ms, 2),
    rssMiB: peaks.length === 0 ? null : round(Math.max(...peaks), 0),
    startRssMiB: startRssMiB === undefined ? null : round(startRssMiB, 0),
    floorUs: round(floorUs, 0),
    cpuUsPerCertificate: cpuMs === undefined ? null : round(cpuMs * 1000, 0),
    certificatesPerSecond: round(perSecond, 0),
    node: process.version,
    ...(cpuMs === undefined ? { skipped: NO_PROC } : {}),
  };
}

/** A Markdown table of the levels, readable in a terminal too. */
export function formatTable(levels: readonly LevelResult[], floorUs: number): string {
  const header = ["callers", "certificates/s", "p50 ms", "p99 ms", "CPU ms/certificate", "× floor", "peak RSS MiB"];
  const rows = levels.map(({ concurrency, perSecond, p50Ms, p99Ms, cpuMs, peakRssMiB }) => [
    String(concurrency),
    perSecond.toFixed(0),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    cpuMs?.toFixed(3) ?? "—",
    cpuMs === undefined ? "—" : ((cpuMs * 1000) / floorUs).toFixed(2),
    peakRssMiB?.toFixed(0) ?? "—",
  ]);
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padStart(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => `${"-".repeat(width - 1)}:`).join(" | ")} |`;
  return [line(header), rule, ...rows.map(line), "", `Crypto floor: ${floorUs.toFixed(0)} µs of CPU.`].join("\n");
}

/** Adds a dated entry with the machine it was measured on. */
export function appendResults(file: string, levels: readonly LevelResult[], summary: Summary): void {
  const { skipped, ...numbers } = summary;
  const machine = `${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${String(availableParallelism())} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${process.platform}`;
  const entry = [
    `\n## ${new Date().toISOString().slice(0, 10)}: ${String(numbers.cpuOverFloor ?? "—")} × the floor`,
    "",
    `${machine}; Node.js ${process.version}${skipped === undefined ? "" : `. ${skipped}`}.`,
    "",
    formatTable(levels, summary.floorUs),
    "",
  ];
  appendFileSync(file, entry.join("\n"));
}
