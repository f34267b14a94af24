import { appendFileSync } from "node:fs";
import type { CrowdResult, Manner } from "./overload-callers.ts";
import { idleLimitMs, recoveredAfterMs, type LoneSample } from "./recovery.ts";
import { describeMachine, formatRows } from "./results.ts";
import { percentile } from "./statistics.ts";

/** One load past saturation; CPU and memory are undefined where the system does not tell. */
export interface OverloadLevel extends CrowdResult {
  readonly concurrency: number;
  readonly manner: Manner;
  /** Median latency of a lone caller before the load, milliseconds. */
  readonly idleP50Ms: number;
  /** A lone caller after it. */
  readonly lone: readonly LoneSample[];
  /** CPU of the server while the load lasted, all threads, milliseconds. */
  readonly cpuMs: number | undefined;
  readonly peakRssMiB: number | undefined;
  /** As the server's own metrics have it; 10 ms of it are the interval at which it looks. */
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
}

/** Longest time, milliseconds, until a lone caller is served as before the load. */
const RECOVERY_LIMIT_MS = 5_000;

/** The numbers of one load. */
export interface OverloadSummary {
  readonly callers: number;
  readonly manner: Manner;
  readonly acceptedPerSecond: number;
  readonly acceptedP50Ms: number;
  readonly acceptedP99Ms: number;
  readonly acceptedMaxMs: number;
  readonly refusedPerSecond: number;
  readonly refusedP99Ms: number | null;
  /** Share of refusals that say when to come back, percent. */
  readonly retryAfterPercent: number | null;
  /** Answers that are neither certificate nor refusal, and broken connections. */
  readonly failures: number;
  /** CPU of the server per certificate, with the refusals that came meanwhile. */
  readonly cpuUsPerCertificate: number | null;
  readonly peakRssMiB: number | null;
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  readonly idleP50Ms: number;
  /** Null when the lone caller was not served as before within its requests. */
  readonly recoveredAfterMs: number | null;
  /** How much of its core the server had; much less than 100 means that something else ran there. */
  readonly serverBusyPercent: number | null;
  /** The same of the callers. */
  readonly callersBusyPercent: number;
}

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

/** Picks the numbers of each load. */
export function summarizeOverload(levels: readonly OverloadLevel[]): OverloadSummary[] {
  return levels.map((level) => {
    const { seconds, acceptedMs, refusedMs, withoutRetryAfter, cpuMs, peakRssMiB, idleP50Ms } = level;
    const refused = refusedMs.length;
    const recovered = recoveredAfterMs(level.lone, idleLimitMs(idleP50Ms));
    return {
      callers: level.concurrency,
      manner: level.manner,
      acceptedPerSecond: round(acceptedMs.length / seconds),
      acceptedP50Ms: round(percentile(acceptedMs, 0.5)),
      acceptedP99Ms: round(percentile(acceptedMs, 0.99)),
      acceptedMaxMs: round(percentile(acceptedMs, 1)),
      refusedPerSecond: round(refused / seconds),
      refusedP99Ms: refused === 0 ? null : round(percentile(refusedMs, 0.99)),
      retryAfterPercent: refused === 0 ? null : round(100 * (1 - withoutRetryAfter / refused), 2),
      failures: level.failures.length,
      cpuUsPerCertificate: cpuMs === undefined ? null : round((cpuMs * 1000) / acceptedMs.length),
      peakRssMiB: peakRssMiB === undefined ? null : round(peakRssMiB),
      loopDelayP99Ms: round(level.loopDelayP99Ms),
      loopDelayMaxMs: round(level.loopDelayMaxMs),
      idleP50Ms: round(idleP50Ms, 2),
      recoveredAfterMs: recovered === undefined ? null : round(recovered),
      serverBusyPercent: cpuMs === undefined ? null : round(cpuMs / seconds / 10),
      callersBusyPercent: round(100 * level.busyShare),
    };
  });
}

/** What must not be, whatever the load: a sentence for each. */
export function findFaults(levels: readonly OverloadLevel[]): readonly string[] {
  return levels.flatMap((level) => {
    const { concurrency, manner, failures, withoutRetryAfter, lone, idleP50Ms } = level;
    const where = `${String(concurrency)} callers, ${manner}`;
    const recovered = recoveredAfterMs(lone, idleLimitMs(idleP50Ms));
    const [failure] = failures;
    return [
      ...(failure === undefined ? [] : [`${where}: ${String(failures.length)} failures; the first: ${failure}`]),
      ...(withoutRetryAfter === 0 ? [] : [`${where}: ${String(withoutRetryAfter)} refusals without Retry-After`]),
      ...(recovered !== undefined && recovered <= RECOVERY_LIMIT_MS
        ? []
        : [`${where}: no recovery within ${String(RECOVERY_LIMIT_MS)} ms`]),
    ];
  });
}

/** The value of a metric without labels in Prometheus text; NaN when it is not there. */
export function readMetric(text: string, name: string): number {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? NaN);
}

const EXPLANATION = [
  "The server has one core, the callers another. Limits are the defaults, but for the rates per address (off) and the",
  "connections per address (2,000), as all callers have one address. Latencies, delays of the event loop (10 ms of them are",
  "the interval at which it looks) and recovery in ms; CPU with that of the refusals.",
];

/** Tables of the loads in Markdown, readable in a terminal too. */
export function formatOverload(levels: readonly OverloadLevel[]): string {
  const show = (value: number | null): string => (value === null ? "—" : String(value));
  const percent = (value: number | null): string => (value === null ? "—" : `${String(value)} %`);
  const summaries = summarizeOverload(levels);
  const callers = ({ callers: count, manner }: OverloadSummary): string[] => [String(count), manner];
  const served = formatRows(
    ["callers", "retry", "accepted/s", "p50", "p99", "max", "refused/s", "p99", "Retry-After", "failures"],
    summaries.map((summary) => [
      ...callers(summary),
      String(summary.acceptedPerSecond),
      String(summary.acceptedP50Ms),
      String(summary.acceptedP99Ms),
      String(summary.acceptedMaxMs),
      String(summary.refusedPerSecond),
      show(summary.refusedP99Ms),
      percent(summary.retryAfterPercent),
      String(summary.failures),
    ]),
  );
  const state = formatRows(
    [
      "callers",
      "retry",
      "µs/certificate",
      "core busy",
      "peak RSS MiB",
      "loop p99",
      "max",
      "idle p50",
      "recovered after",
    ],
    summaries.map((summary) => [
      ...callers(summary),
      show(summary.cpuUsPerCertificate),
      percent(summary.serverBusyPercent),
      show(summary.peakRssMiB),
      String(summary.loopDelayP99Ms),
      String(summary.loopDelayMaxMs),
      summary.idleP50Ms.toFixed(2),
      show(summary.recoveredAfterMs),
    ]),
  );
  return [...EXPLANATION, "", ...served, "", ...state].join("\n");
}

/** Adds a dated entry with the machine it was measured on. */
export function appendOverload(file: string, levels: readonly OverloadLevel[]): void {
  const day = new Date().toISOString().slice(0, 10);
  const entry = [`\n## ${day}: past saturation`, "", `${describeMachine()}.`, "", formatOverload(levels), ""];
  appendFileSync(file, entry.join("\n"));
}
