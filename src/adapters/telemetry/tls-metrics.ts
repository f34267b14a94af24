import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";

import type { TlsHandshakeFailure, TlsTelemetry } from "../../ports/telemetry.ts";

const CAUSES: readonly TlsHandshakeFailure[] = [
  "timeout",
  "plaintext",
  "unsupported",
  "malformed",
  "refused",
  "disconnected",
];

/**
 * Metrics of a listener with TLS. They are there from its first certificate on, so that a process without TLS does not
 * look like one whose certificate expired in 1970.
 */
export function makeTlsMetrics(registry: Registry): TlsTelemetry {
  let metrics: TlsTelemetry | undefined;
  const opened = (): TlsTelemetry => (metrics ??= registerTlsMetrics(registry));
  return {
    handshakeFailed: (cause) => {
      opened().handshakeFailed(cause);
    },
    pairLoaded: (notAfterMs) => {
      opened().pairLoaded(notAfterMs);
    },
    pairRefused: () => {
      opened().pairRefused();
    },
  };
}

function registerTlsMetrics(registry: Registry): TlsTelemetry {
  const registers = [registry];
  const expiry = new Gauge({
    name: "mayfly_tls_certificate_expiry_timestamp_seconds",
    help: "When the TLS certificate in use expires, Unix seconds",
    registers,
  });
  const loads = new Counter({
    name: "mayfly_tls_certificate_loads_total",
    help: "TLS certificates that were read, by whether they could be used; the first one is counted too",
    labelNames: ["result"],
    registers,
  });
  const failures = new Counter({
    name: "mayfly_tls_handshake_failures_total",
    help: "TLS handshakes that came to nothing",
    labelNames: ["cause"],
    registers,
  });
  for (const result of ["used", "refused"]) loads.inc({ result }, 0);
  for (const cause of CAUSES) failures.inc({ cause }, 0);
  return {
    handshakeFailed: (cause) => {
      failures.inc({ cause });
    },
    pairLoaded: (notAfterMs) => {
      loads.inc({ result: "used" });
      expiry.set(notAfterMs / 1_000);
    },
    pairRefused: () => {
      loads.inc({ result: "refused" });
    },
  };
}
