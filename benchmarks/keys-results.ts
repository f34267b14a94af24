import { appendFileSync } from "node:fs";
import type { KeyServiceCounts } from "./key-service-process.ts";
import type { CrowdResult } from "./overload-callers.ts";
import { describeMachine, formatRows } from "./results.ts";
import { percentile } from "./statistics.ts";

/** Which keys are in the key service; with `budget`, the CA's has one. */
export type KeyLayout = "CA" | "CA and log" | "CA, budget";

/** One load on keys in a key service; CPU and memory are undefined where the system does not tell. */
export interface KeyLevel extends CrowdResult, KeyServiceCounts {
  readonly layout: KeyLayout;
  /** What the service takes for each call, milliseconds. */
  readonly latencyMs: number;
  readonly concurrency: number;
  /** CPU of the server while the load lasted, all threads, milliseconds. */
  readonly cpuMs: number | undefined;
  readonly peakRssMiB: number | undefined;
}

/** Calls of one key under way at a time, as by default. */
export const IN_FLIGHT = 32;
/** Keys of each layout that are in the service. */
const KEYS: Readonly<Record<KeyLayout, number>> = { CA: 1, "CA and log": 3, "CA, budget": 1 };
/** `limits.requestSeconds`, as by default. */
const LONGEST_MS = 10_000;

/** The numbers of one load. */
export interface KeySummary {
  readonly layout: KeyLayout;
  readonly latencyMs: number;
  readonly callers: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** CPU of the server per certificate, with the refusals that came meanwhile. */
  readonly cpuUsPerCertificate: number | null;
  readonly peakRssMiB: number | null;
  readonly mostUnderWay: number;
  readonly callsPerCertificate: number;
  readonly refused: number;
  /** Share of refusals that say when to come back, percent. */
  readonly retryAfterPercent: number | null;
}

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

/** Picks the numbers of each load. */
export function summarizeKeys(levels: readonly KeyLevel[]): KeySummary[] {
  return levels.map((level) => {
    const { layout, latencyMs, concurrency, seconds, acceptedMs, acceptedLate, refusedMs, cpuMs, peakRssMiB } = level;
    const refused = refusedMs.length;
    return {
      ...{ layout, latencyMs, callers: concurrency },
      perSecond: round(acceptedMs.length / seconds, acceptedMs.length / seconds < 10 ? 1 : 0),
      p50Ms: round(percentile(acceptedMs, 0.5)),
      p99Ms: round(percentile(acceptedMs, 0.99)),
      maxMs: round(percentile(acceptedMs, 1)),
      cpuUsPerCertificate: cpuMs === undefined ? null : round((cpuMs * 1_000) / acceptedMs.length),
      peakRssMiB: peakRssMiB === undefined ? null : round(peakRssMiB),
      mostUnderWay: level.mostUnderWay,
      callsPerCertificate: round(level.calls / (acceptedMs.length + acceptedLate), 2),
      refused,
      retryAfterPercent: refused === 0 ? null : round(100 * (1 - level.withoutRetryAfter / refused), 2),
    };
  });
}

/** What must not be, however slow the service: a sentence for each. */
export function findKeyFaults(levels: readonly KeyLevel[]): readonly string[] {
  return levels.flatMap(({ layout, latencyMs, concurrency, ...level }) => {
    const where = `${layout}, ${String(latencyMs)} ms, ${String(concurrency)} callers`;
    const { failures, withoutRetryAfter, mostUnderWay, acceptedMs } = level;
    const [failure] = failures;
    const most = IN_FLIGHT * KEYS[layout];
    const longestMs = percentile(acceptedMs, 1);
    return [
      ...(failure === undefined ? [] : [`${where}: ${String(failures.length)} failures; the first: ${failure}`]),
      ...(withoutRetryAfter === 0 ? [] : [`${where}: ${String(withoutRetryAfter)} refusals without Retry-After`]),
      ...(mostUnderWay <= most
        ? []
        : [`${where}: ${String(mostUnderWay)} calls at a time, where ${String(most)} may be`]),
      ...(longestMs <= LONGEST_MS ? [] : [`${where}: an answer after ${longestMs.toFixed(0)} ms`]),
    ];
  });
}

const EXPLANATION = [
  "The server has one core; callers and key service share another. Callers send their next request when they have an answer,",
  `and a refused one again at once. Limits are the defaults: ${String(IN_FLIGHT)} calls of each key at a time, 64 certificates at a time, 256`,
  "requests that wait for a second at the longest. Latencies in ms; CPU with that of the refusals; most: calls that the service",
  "had under way at a time; calls: to the service, per certificate.",
];

/** A table in Markdown, readable in a terminal too. */
export function formatKeys(levels: readonly KeyLevel[]): string {
  const show = (value: number | null, unit = ""): string => (value === null ? "—" : `${String(value)}${unit}`);
  const header = [
    ...["keys there", "latency", "callers", "certificates/s", "p50", "p99", "max", "µs/certificate"],
    ...["peak RSS MiB", "most", "calls", "refused", "Retry-After"],
  ];
  const rows = summarizeKeys(levels).map((summary) => [
    summary.layout,
    String(summary.latencyMs),
    String(summary.callers),
    String(summary.perSecond),
    String(summary.p50Ms),
    String(summary.p99Ms),
    String(summary.maxMs),
    show(summary.cpuUsPerCertificate),
    show(summary.peakRssMiB),
    String(summary.mostUnderWay),
    summary.callsPerCertificate.toFixed(2),
    String(summary.refused),
    show(summary.retryAfterPercent, " %"),
  ]);
  return [...EXPLANATION, "", ...formatRows(header, rows)].join("\n");
}

/** Adds a dated entry with the machine it was measured on. */
export function appendKeys(file: string, levels: readonly KeyLevel[]): void {
  const day = new Date().toISOString().slice(0, 10);
  const entry = [`\n## ${day}: keys in a key service`, "", `${describeMachine()}.`, "", formatKeys(levels), ""];
  appendFileSync(file, entry.join("\n"));
}
