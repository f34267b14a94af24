import { Counter, Histogram } from "prom-client";
import type { Registry } from "prom-client";

import type { Telemetry } from "../../ports/telemetry.ts";

/** A key in the same region answers within some 20 ms, one in an HSM within some 100. */
const BUCKETS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What is counted of key services. */
export type SignerMetrics = Pick<Telemetry, "signer">;

/** Metrics of key services; there from the first question on, so that a process whose keys are its own has none. */
export function makeSignerMetrics(registry: Registry): SignerMetrics {
  let metrics: SignerMetrics | undefined;
  return {
    signer: (event) => {
      (metrics ??= registerSignerMetrics(registry)).signer(event);
    },
  };
}

function registerSignerMetrics(registry: Registry): SignerMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: "mayfly_signer_requests_total",
    help: "Attempts at a key service, and certificates not begun for its sake, by how they ended",
    labelNames: ["backend", "key", "operation", "outcome"],
    registers,
  });
  const seconds = new Histogram({
    name: "mayfly_signer_request_seconds",
    help: "Duration of an attempt at a key service, whatever came of it",
    labelNames: ["backend", "key", "operation"],
    buckets: BUCKETS,
    registers,
  });
  return {
    signer: ({ backend, key, operation, outcome, durationMs }) => {
      requests.inc({ backend, key, operation, outcome });
      if (durationMs !== undefined) seconds.observe({ backend, key, operation }, durationMs / 1_000);
    },
  };
}
