import { Counter } from "prom-client";
import type { Registry } from "prom-client";
import { REASONS } from "../../core/errors.ts";
import type { RequestEvent } from "../../ports/telemetry.ts";

/** What counts refusals. */
export interface RefusalMetrics {
  /** Counts a request that was refused or failed, by why; any other request is left alone. */
  observeRefusal(event: RequestEvent): void;
  /** Counts an outcome that was left out of the audit trail. */
  countUnrecordedOutcome(): void;
  /** Counts a connection that was closed because too many were open, of all or of one client address, or too many requests waited. */
  countRefusedConnection(limit: "address" | "pipelined" | "total"): void;
}

/** Makes the counters; a reason has its series from its first refusal on. */
export function makeRefusalMetrics(registry: Registry): RefusalMetrics {
  const registers = [registry];
  const refusals = new Counter({
    name: "mayfly_refusals_total",
    help: "HTTP requests that were refused or failed, by code and reason",
    labelNames: ["code", "reason"],
    registers,
  });
  const unrecorded = new Counter({
    name: "mayfly_audit_unrecorded_outcomes_total",
    help: "Refusals and failures without a serial number left out of the audit trail because too many came",
    registers,
  });
  const connections = new Counter({
    name: "mayfly_connections_refused_total",
    help: "Connections of the public listener closed because too many were open, or too many pipelined requests waited",
    labelNames: ["limit"],
    registers,
  });
  const reasons: ReadonlySet<string> = new Set(Object.values(REASONS).flat());
  return {
    observeRefusal: ({ code, reason }) => {
      if (code !== undefined && reason !== undefined && reasons.has(reason)) refusals.labels({ code, reason }).inc();
    },
    countUnrecordedOutcome: () => {
      unrecorded.inc();
    },
    countRefusedConnection: (limit) => {
      connections.labels({ limit }).inc();
    },
  };
}
