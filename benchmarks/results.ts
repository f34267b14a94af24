import { appendFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { median } from "./statistics.ts";

/** What one round was measured at; CPU and memory are undefined where the system does not tell. */
export interface RoundResult {
  readonly concurrency: number;
  /** By which the callers came, or what else is special; absent for what the watched numbers are of: version 2 over HTTP. */
  readonly entrance?: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of the server process per certificate, all threads, milliseconds. */
  readonly cpuMs: number | undefined;
  readonly peakRssMiB: number | undefined;
}

/** A round, and the CPU microseconds of the crypto floor right before and after it, their mean. */
export type MeasuredRound = RoundResult & { readonly floorUs: number };

/** The rounds of one concurrency. */
export interface LevelResult extends MeasuredRound {
  /** CPU per certificate as a multiple of the crypto floor of the same seconds. */
  readonly cpuOverFloor: number | undefined;
}

/**
 * Condenses the rounds of one concurrency: each number is the median of the rounds, the multiple of the floor that of the
 * rounds' own multiples, memory the peak.
 *
 * @throws RangeError without rounds
 */
export function condense(rounds: readonly MeasuredRound[]): LevelResult {
  const [first] = rounds;
  if (first === undefined) throw new RangeError("no rounds");
  const middle = (pick: (round: MeasuredRound) => number): number => median(rounds.map(pick));
  const cpuKnown = rounds.every(({ cpuMs }) => cpuMs !== undefined);
  return {
    concurrency: first.concurrency,
    ...(first.entrance === undefined ? {} : { entrance: first.entrance }),
    perSecond: middle((round) => round.perSecond),
    p50Ms: middle((round) => round.p50Ms),
    p99Ms: middle((round) => round.p99Ms),
    floorUs: middle((round) => round.floorUs),
    cpuMs: cpuKnown ? middle((round) => round.cpuMs ?? 0) : undefined,
    cpuOverFloor: cpuKnown ? middle((round) => ((round.cpuMs ?? 0) * 1000) / round.floorUs) : undefined,
    peakRssMiB: cpuKnown ? Math.max(...rounds.map((round) => round.peakRssMiB ?? 0)) : undefined,
  };
}

/** Memory at a point of the run. */
export interface MemorySample {
  /** Certificates issued so far. */
  readonly issued: number;
  /** The most that was resident during the round that ended here. */
  readonly rssMiB: number;
}

/** All that one run measured. */
export interface Run {
  readonly levels: readonly LevelResult[];
  /** Of the rounds whose number of callers does not change, but for a single caller's. */
  readonly memory: readonly MemorySample[];
  readonly startMs: number;
  readonly startRssMiB?: number | undefined;
}

/** Where the last stretch of certificates begins, over which memory should not grow. */
const STRETCH = 30_000;

/** The numbers that are watched over time. */
export interface Summary {
  /** CPU per certificate at 16 callers as a multiple of the crypto floor. */
  readonly cpuOverFloor: number | null;
  /** Median latency of a single caller. */
  readonly p50IdleMs: number;
  /** The most memory that was resident while requests were answered, at any number of callers. */
  readonly rssMiB: number | null;
  /** By how much the peak of a round grew over the last 30,000 certificates; below zero when it shrank. */
  readonly rssGrowthMiB: number | null;
  /** From the start of the process to the first 200 of `/readyz`, milliseconds. */
  readonly startMs: number;
  /** The most while the process started, when the keys' passphrases are stretched. */
  readonly startRssMiB: number | null;
  /** CPU microseconds of the crypto floor next to the rounds of 16 callers. */
  readonly floorUs: number;
  readonly cpuUsPerCertificate: number | null;
  readonly certificatesPerSecond: number;
  readonly node: string;
  readonly skipped?: string;
}

const NO_PROC = "CPU and memory: no /proc on this system";
const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/** Picks the watched numbers from the levels. */
export function summarize({ levels, memory, startMs, startRssMiB }: Run): Summary {
  const level = (concurrency: number): LevelResult => {
    const found = levels.find((candidate) => candidate.concurrency === concurrency && candidate.entrance === undefined);
    if (found === undefined) throw new RangeError(`concurrency ${String(concurrency)} was not measured`);
    return found;
  };
  const { cpuMs, cpuOverFloor, floorUs, perSecond } = level(16);
  const last = memory.at(-1);
  const before = last && memory.findLast(({ issued }) => issued <= last.issued - STRETCH);
  return {
    cpuOverFloor: cpuOverFloor === undefined ? null : round(cpuOverFloor, 2),
    p50IdleMs: round(level(1).p50Ms, 2),
    rssMiB: memory.length === 0 ? null : round(peakOf(levels, memory), 0),
    rssGrowthMiB: last === undefined || before === undefined ? null : round(last.rssMiB - before.rssMiB, 0),
    startMs: round(startMs, 0),
    startRssMiB: startRssMiB === undefined ? null : round(startRssMiB, 0),
    floorUs: round(floorUs, 0),
    cpuUsPerCertificate: cpuMs === undefined ? null : round(cpuMs * 1000, 0),
    certificatesPerSecond: round(perSecond, 0),
    node: process.version,
    ...(cpuMs === undefined ? { skipped: NO_PROC } : {}),
  };
}

function peakOf(levels: readonly LevelResult[], memory: readonly MemorySample[]): number {
  return Math.max(...levels.map(({ peakRssMiB = 0 }) => peakRssMiB), ...memory.map(({ rssMiB }) => rssMiB));
}

/** A Markdown table of the levels, readable in a terminal too. */
export function formatTable(levels: readonly LevelResult[]): string {
  const header = [
    "callers",
    "certificates/s",
    "p50 ms",
    "p99 ms",
    "CPU ms/certificate",
    "floor µs",
    "× floor",
    "peak RSS MiB",
  ];
  const rows = levels.map(({ concurrency, entrance, perSecond, p50Ms, p99Ms, cpuMs, peakRssMiB, ...floor }) => [
    entrance === undefined ? String(concurrency) : `${String(concurrency)} ${entrance}`,
    perSecond.toFixed(0),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    cpuMs?.toFixed(3) ?? "—",
    floor.floorUs.toFixed(0),
    floor.cpuOverFloor?.toFixed(2) ?? "—",
    peakRssMiB?.toFixed(0) ?? "—",
  ]);
  return formatRows(header, rows).join("\n");
}

/** The lines of a Markdown table whose columns are aligned to the right. */
export function formatRows(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padStart(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => `${"-".repeat(width - 1)}:`).join(" | ")} |`;
  return [line(header), rule, ...rows.map(line)];
}

/** Processor, memory and Node.js of this machine. */
export function describeMachine(): string {
  const cpu = cpus()[0]?.model.trim() ?? "unknown CPU";
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return `${cpu}, ${String(availableParallelism())} cores, ${memory}, ${process.platform}; Node.js ${process.version}`;
}

const show = (value: number | null): string => (value === null ? "—" : String(value));

/** Adds a dated entry with the machine it was measured on. */
export function appendResults(file: string, levels: readonly LevelResult[], summary: Summary): void {
  const { skipped, ...numbers } = summary;
  const entry = [
    `\n## ${new Date().toISOString().slice(0, 10)}: ${String(numbers.cpuOverFloor ?? "—")} × the floor`,
    "",
    `${describeMachine()}${skipped === undefined ? "" : `. ${skipped}`}. Floor next to each round.`,
    "",
    formatTable(levels),
    "",
    `Memory: peak ${show(numbers.rssMiB)} MiB, ${show(numbers.rssGrowthMiB)} MiB more after the last 30,000 certificates than before; ${show(numbers.startRssMiB)} MiB at start. Start to ready: ${String(numbers.startMs)} ms.`,
    "",
  ];
  appendFileSync(file, entry.join("\n"));
}
