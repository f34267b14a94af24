import { Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** Something without which nothing is issued, and its end. */
export interface Expiry {
  readonly what: "issuing-certificate" | "intermediate-certificate" | "root-certificate" | "ca-window" | "log-window";
  /** Configured name of the issuing CA or the shard, of which there are few. */
  readonly name: string;
  /** Milliseconds since the Unix epoch. */
  readonly endMs: number;
}

/** What ends, and the time to count from. */
export interface ExpirySource {
  readonly nowMs: number;
  readonly expiries: readonly Expiry[];
}

/** Metric of the seconds that are left, asked for at each scrape. */
export function makeExpiryMetrics(registry: Registry, source: () => ExpirySource | undefined): void {
  new Gauge({
    name: "mayfly_expiry_seconds",
    help: "Seconds until a certificate of a CA's chain or the window of a CA or shard ends; negative afterwards",
    labelNames: ["what", "name"],
    registers: [registry],
    collect() {
      this.reset();
      const { nowMs, expiries } = source() ?? { nowMs: 0, expiries: [] };
      for (const { what, name, endMs } of expiries) this.set({ what, name }, (endMs - nowMs) / 1_000);
    },
  });
}
