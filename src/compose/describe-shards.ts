import { existsSync } from "node:fs";
import { openSqliteLogRecords } from "../adapters/log-store/sqlite/open-sqlite-log-records.ts";
import type { ShardConfig } from "../config/log-schema.ts";
import type { Config } from "../config/schema.ts";
import { ed25519KeyOfSpki, encodeVerifierKey, SIGNATURE_TYPE } from "../core/note/verifier-key.ts";
import type { LogManifest, PublishedCheckpoint, TreeHead } from "../ports/log-store.ts";
import { dataPaths } from "./data-paths.ts";

/** What the files say of a shard's log. */
export interface DescribedLog {
  readonly manifest: LogManifest;
  readonly head: TreeHead;
  readonly published: PublishedCheckpoint | undefined;
  /** The key of its checkpoints, as C2SP signed-note writes verifier keys. */
  readonly checkpointKey: string;
}

/** A configured shard and its log. */
export interface DescribedShard {
  readonly config: ShardConfig;
  /** Of its database. */
  readonly path: string;
  /** Undefined where there is none yet. */
  readonly log: DescribedLog | undefined;
}

/**
 * `mayfly log shards`: what is configured and what is there. Only reads; a service may be running.
 *
 * @throws MayflyError `log_failed` when a database cannot be read
 */
export async function describeShards(config: Config): Promise<readonly DescribedShard[]> {
  const described: DescribedShard[] = [];
  for (const shard of config.log.shards) {
    const path = dataPaths(config, shard.directory).database;
    const isThere = config.log.store.kind === "sqlite" && existsSync(path);
    described.push({ config: shard, path, log: isThere ? await describeLog(path) : undefined });
  }
  return described;
}

async function describeLog(path: string): Promise<DescribedLog> {
  const { records, close } = await openSqliteLogRecords(path);
  const { manifest, head, published } = records;
  await close();
  const publicKey = ed25519KeyOfSpki(manifest.checkpointPublicKey);
  const checkpointKey = encodeVerifierKey({ name: manifest.origin, type: SIGNATURE_TYPE.ed25519, publicKey });
  return { manifest, head, published, checkpointKey };
}
