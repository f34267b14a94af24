import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** How a reading of the configuration ended: it is in force, it is what was in force already, or it was refused. */
export type ConfigReading = "applied" | "refused" | "unchanged";

/** Which configuration is in force. */
export interface ConfigSource {
  /** 1 for that of the start, then counted up. */
  readonly generation: number;
  /** Lower-case hex SHA-256. */
  readonly digest: string;
}

/**
 * Metrics of the configuration: what is in force is asked for at each scrape.
 *
 * @returns what counts a reading, at a time in milliseconds
 */
export function makeConfigMetrics(
  registry: Registry,
  inForce: () => ConfigSource | undefined,
): (result: ConfigReading, nowMs: number) => void {
  const registers = [registry];
  const readings = new Counter({
    name: "mayfly_config_reload_total",
    help: "Readings of the configuration after that of the start, by how they ended",
    labelNames: ["result"],
    registers,
  });
  const isSuccessful = new Gauge({
    name: "mayfly_config_last_reload_successful",
    help: "0 while the configuration that was read last is refused and an older one is in force",
    registers,
  });
  const lastSuccess = new Gauge({
    name: "mayfly_config_last_reload_success_timestamp_seconds",
    help: "When a configuration was read last that could be used, Unix seconds; 0 for that of the start",
    registers,
  });
  for (const result of ["applied", "refused", "unchanged"] as const) readings.inc({ result }, 0);
  isSuccessful.set(1);
  new Gauge({
    name: "mayfly_config_generation",
    help: "Number of the configuration in force, counted from 1 at the start",
    registers,
    collect() {
      this.set(inForce()?.generation ?? 0);
    },
  });
  new Gauge({
    name: "mayfly_config_info",
    help: "SHA-256 of the configuration in force, always 1",
    labelNames: ["digest"],
    registers,
    collect() {
      this.reset();
      const source = inForce();
      if (source !== undefined) this.set({ digest: source.digest }, 1);
    },
  });
  return (result, nowMs) => {
    readings.inc({ result });
    isSuccessful.set(result === "refused" ? 0 : 1);
    if (result !== "refused") lastSuccess.set(nowMs / 1_000);
  };
}
