import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** How one comparison of log and audit trail ended. */
export type Reconciliation =
  | { readonly result: "failed" }
  | {
      readonly result: "good" | "gaps";
      readonly timeMs: number;
      readonly gaps: number;
      /** By the configured names of the shards, of which there are few: entries that there were, all of them compared by now. */
      readonly covered: readonly { readonly shard: string; readonly entries: number }[];
    };

/** Makes the metrics of comparisons; times and gaps are 0 until the first one has ended. */
export function makeReconcileMetrics(registry: Registry): (reconciliation: Reconciliation) => void {
  const registers = [registry];
  const runs = new Counter({
    name: "mayfly_reconcile_runs_total",
    help: "Comparisons of log and audit trail, by how they ended",
    labelNames: ["result"],
    registers,
  });
  for (const result of ["good", "gaps", "failed"]) runs.inc({ result }, 0);
  const gaps = new Gauge({
    name: "mayfly_reconcile_gaps",
    help: "What only one of log and audit trail knows, going by the last comparison that ended",
    registers,
  });
  const lastSuccess = new Gauge({
    name: "mayfly_reconcile_last_success_timestamp_seconds",
    help: "When the last comparison without a gap ended, Unix seconds; 0 before the first",
    registers,
  });
  const covered = new Gauge({
    name: "mayfly_reconcile_covered_entries",
    help: "Tree size of a shard up to which the last comparison without a gap has come",
    labelNames: ["shard"],
    registers,
  });
  return (reconciliation) => {
    runs.inc({ result: reconciliation.result });
    if (reconciliation.result === "failed") return;
    gaps.set(reconciliation.gaps);
    if (reconciliation.result === "gaps") return;
    lastSuccess.set(reconciliation.timeMs / 1_000);
    for (const { shard, entries } of reconciliation.covered) covered.set({ shard }, entries);
  };
}
