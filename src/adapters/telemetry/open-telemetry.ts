import type { Telemetry, TlsTelemetry } from "../../ports/telemetry.ts";
import type { ConfigReading } from "./config-metrics.ts";
import { openLogLines } from "./log-lines.ts";
import type { LogDestination, LogLevel } from "./log-lines.ts";
import { makeMetrics } from "./metrics.ts";
import type { BuildInfo, MetricSources } from "./metrics.ts";
import type { Reconciliation } from "./reconcile-metrics.ts";

/** What the process says of itself, and where. */
export interface TelemetryOptions extends BuildInfo {
  readonly logLevel: LogLevel;
  /** Standard output when not given. */
  readonly destination?: LogDestination;
}

/** The process's telemetry, with what its operator and the shutdown need beside the port. */
export interface ProcessTelemetry extends Telemetry {
  /** Of the listener with TLS, if there is one. */
  readonly tls: TlsTelemetry;
  /** All metrics in the Prometheus text format. */
  metrics(): Promise<string>;
  /** Media type of what {@link ProcessTelemetry.metrics} gives. */
  readonly contentType: string;
  /** Sets where values come from that are asked for at each scrape: requests in flight, the published checkpoint. */
  watch(sources: MetricSources): void;
  /** Counts a connection that was closed because too many were open, of all or of one client address, or too many requests waited. */
  connectionRefused(limit: "address" | "pipelined" | "total"): void;
  /** Shows how a comparison of log and audit trail ended. */
  reconciled(reconciliation: Reconciliation): void;
  /** Says in a warning and a gauge that a setting which weakens safety is on; `name` is its path in the configuration. */
  unsafeOption(name: string): void;
  /** Shows no more that such a setting is on. */
  safeOption(name: string): void;
  /** Counts a reading of the configuration after that of the start. */
  configRead(result: ConfigReading, nowMs: number): void;
  /** Writes buffered lines at once: for a process about to die. A stopped reader holds it up. Never throws. */
  flush(): void;
  /**
   * Writes buffered lines, for at most 2 s; later events are still counted, and no longer written. A process whose log
   * reader has stopped may need a signal to end.
   */
  close(): Promise<void>;
}

/**
 * Opens the log and the metrics of a process: one JSON line per request, and counters that Prometheus scrapes.
 *
 * @throws Error of `node:fs` when the log file cannot be opened
 */
export function openTelemetry(options: TelemetryOptions): ProcessTelemetry {
  const metrics = makeMetrics(options);
  const lines = openLogLines({
    level: options.logLevel,
    destination: options.destination ?? 1,
    onLost: () => {
      metrics.countLostLine();
    },
  });
  return {
    request: (event) => {
      metrics.observeRequest(event);
      metrics.observeRefusal(event);
      lines.request(event);
    },
    issuance: (outcome, durationMs) => {
      metrics.observeIssuance(outcome, durationMs);
    },
    unrecordedOutcome: () => {
      metrics.countUnrecordedOutcome();
    },
    logBatch: (event) => {
      metrics.observeLogBatch(event);
    },
    ...metrics.signers,
    ...metrics.witnesses,
    notice: (level, message, fields) => {
      lines.notice(level, message, fields);
    },
    tls: metrics.tls,
    connectionRefused: (limit) => {
      metrics.countRefusedConnection(limit);
    },
    reconciled: (reconciliation) => {
      metrics.observeReconciliation(reconciliation);
    },
    unsafeOption: (name) => {
      metrics.setUnsafeOption(name);
      lines.notice("warn", "a setting weakens the safety of this service", { setting: name });
    },
    safeOption: (name) => {
      metrics.removeUnsafeOption(name);
      lines.notice("info", "a setting weakens the safety of this service no more", { setting: name });
    },
    configRead: metrics.countConfigRead,
    watch: (sources) => {
      metrics.watch(sources);
    },
    metrics: () => metrics.render(),
    contentType: metrics.contentType,
    flush: () => {
      lines.flush();
    },
    close: () => lines.close(),
  };
}
