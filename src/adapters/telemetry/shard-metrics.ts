import { Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** A shard of the log as metrics show it. */
export interface ShardSource {
  /** Configured name, of which there are few. */
  readonly name: string;
  readonly state: "staged" | "active" | "frozen";
  /** The published checkpoint; undefined when there is none. */
  readonly checkpoint: { readonly treeSize: number; readonly timestampMs: number } | undefined;
  /** When the last SCT may be given; undefined for any time. */
  readonly windowEndMs: number | undefined;
}

const SECONDS_PER_MS = 1 / 1_000;

/** Metrics of the log's shards, asked for at each scrape. A frozen shard's checkpoint is its last, so its age says nothing. */
export function makeShardMetrics(registry: Registry, shards: () => readonly ShardSource[]): void {
  const perShard = (name: string, help: string, read: (shard: ShardSource) => number | undefined): void => {
    new Gauge({
      name,
      help,
      labelNames: ["shard"],
      registers: [registry],
      collect() {
        this.reset();
        for (const shard of shards()) {
          const value = read(shard);
          if (value !== undefined) this.set({ shard: shard.name }, value);
        }
      },
    });
  };
  perShard(
    "mayfly_log_checkpoint_size",
    "Tree size of the published checkpoint",
    ({ checkpoint }) => checkpoint?.treeSize,
  );
  perShard(
    "mayfly_log_checkpoint_timestamp_seconds",
    "Time of the published checkpoint, Unix seconds; none for a frozen shard",
    ({ state, checkpoint }) => (state === "frozen" ? undefined : (checkpoint?.timestampMs ?? 0) * SECONDS_PER_MS),
  );
  perShard(
    "mayfly_log_window_end_timestamp_seconds",
    "Time from which on a shard that is not frozen issues nothing, Unix seconds; none without a window",
    ({ state, windowEndMs }) =>
      state === "frozen" || windowEndMs === undefined ? undefined : windowEndMs * SECONDS_PER_MS,
  );
  new Gauge({
    name: "mayfly_log_shard",
    help: "1 for each shard, with its state: staged, active or frozen",
    labelNames: ["shard", "state"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, state } of shards()) this.set({ shard: name, state }, 1);
    },
  });
}
