import { Counter, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";

import type { Telemetry } from "../../ports/telemetry.ts";

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What is counted of witnesses. */
export type WitnessMetrics = Pick<Telemetry, "witnessAnswer" | "witnessQuorum">;

/** Metrics of a log's witnesses; there from the first answer on. Names of witnesses and shards are the configuration's. */
export function makeWitnessMetrics(registry: Registry): WitnessMetrics {
  let metrics: WitnessMetrics | undefined;
  const opened = (): WitnessMetrics => (metrics ??= registerWitnessMetrics(registry));
  return {
    witnessAnswer: (event) => {
      opened().witnessAnswer(event);
    },
    witnessQuorum: (shard, treeSize) => {
      opened().witnessQuorum(shard, treeSize);
    },
  };
}

function registerWitnessMetrics(registry: Registry): WitnessMetrics {
  const registers = [registry];
  const labelNames = ["shard", "witness"] as const;
  const requests = new Counter({
    name: "mayfly_witness_requests_total",
    help: "Checkpoints shown to a witness, by what it answered",
    labelNames: [...labelNames, "result"],
    registers,
  });
  const seconds = new Histogram({
    name: "mayfly_witness_request_seconds",
    help: "Duration of a request to a witness",
    labelNames: ["witness"],
    buckets: BUCKETS,
    registers,
  });
  const size = new Gauge({
    name: "mayfly_witness_tree_size",
    help: "Tree size of the newest checkpoint that a witness has cosigned",
    labelNames,
    registers,
  });
  const timestamp = new Gauge({
    name: "mayfly_witness_cosignature_timestamp_seconds",
    help: "Time of a witness's newest cosignature by its own clock, Unix seconds",
    labelNames,
    registers,
  });
  const quorum = new Gauge({
    name: "mayfly_witness_quorum_tree_size",
    help: "Tree size of the newest checkpoint that a quorum of witnesses has cosigned",
    labelNames: ["shard"],
    registers,
  });
  return {
    witnessAnswer: ({ shard, witness, result, durationMs, cosigned }) => {
      requests.inc({ shard, witness, result });
      seconds.observe({ witness }, durationMs / 1_000);
      if (cosigned === undefined) return;
      size.set({ shard, witness }, cosigned.treeSize);
      timestamp.set({ shard, witness }, cosigned.timestampSeconds);
    },
    witnessQuorum: (shard, treeSize) => {
      quorum.set({ shard }, treeSize);
    },
  };
}
