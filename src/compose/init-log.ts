import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { readAuditTrailEnd } from "../adapters/audit/verify-audit-trail.ts";
import { createSqliteLog, removeUnfinishedLog } from "../adapters/log-store/sqlite/create-sqlite-log.ts";
import { requireDurableFileSystem } from "../adapters/log-store/sqlite/file-system.ts";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { ConfigError } from "../config/load-config.ts";
import type { ShardConfig, SigningShardConfig } from "../config/log-schema.ts";
import type { Config } from "../config/schema.ts";
import { parseLogKey } from "../core/ct/log-key.ts";
import { MayflyError } from "../core/errors.ts";
import type { LogManifest } from "../ports/log-store.ts";
import { dataPaths, finalNotePath, LOG_DIRECTORY } from "./data-paths.ts";
import { refuseDevelopmentKeys } from "./development-keys.ts";
import { lockData } from "./lock-data.ts";
import { openLogSigners } from "./open-log-signers.ts";
import type { LogSigners } from "./open-log-signers.ts";
import type { Environment } from "./read-secret.ts";

/** What the process gives its command. */
export interface InitContext {
  readonly env: Environment;
  /** Id of this process, for whoever finds the data directory in use. */
  readonly pid?: number;
}

/** A log that was made. */
export interface MadeLog {
  readonly shard: string;
  readonly manifest: LogManifest;
  /** Of its database. */
  readonly path: string;
}

/** What a new log of these keys is, for ever. */
export function makeManifest(origin: string, signers: LogSigners, createdMs: number): LogManifest {
  return {
    formatVersion: 1,
    origin,
    logId: parseLogKey(signers.log.publicKey).logId,
    logPublicKey: signers.log.publicKey,
    checkpointPublicKey: signers.checkpoint.publicKey,
    createdMs,
  };
}

/**
 * Makes the database of a new log. The shard's folder is this process's alone.
 *
 * @throws MayflyError `log_failed` where a log is, where traces of a lost one are, or where a log could be lost
 */
export async function createLogDatabase(config: Config, shard: ShardConfig, manifest: LogManifest): Promise<string> {
  const { database } = dataPaths(config, shard.directory);
  removeUnfinishedLog(database);
  if (existsSync(database)) {
    throw new MayflyError("LOG_WRITE_FAILED", `there is a log at ${database} already, and it was left as it is`);
  }
  const trace = await findTrace(config, shard, manifest);
  if (trace !== undefined) {
    throw new MayflyError(
      "LOG_ROLLED_BACK",
      `there is no log at ${database}, but ${trace} knows of one that was there`,
    );
  }
  mkdirSync(dirname(database), { recursive: true, mode: 0o700 });
  const { store } = config.log;
  // Said now and not by the first start, when the log already has a name.
  if (store.kind === "sqlite" && !store.allowAnyFilesystem) await requireDurableFileSystem(dirname(database));
  createSqliteLog(database, manifest);
  return database;
}

/** The file, if there is one, which knows of a log that must have been where one is to be made. */
async function findTrace(config: Config, shard: ShardConfig, { logId }: LogManifest): Promise<string | undefined> {
  const { headMark, cosignedMark, auditTrail } = dataPaths(config, shard.directory);
  const marks = [headMark, cosignedMark, finalNotePath(config, logId)];
  const mark = marks.find((file) => existsSync(file));
  if (mark !== undefined) return mark;
  if (!existsSync(auditTrail)) return undefined;
  const hasOther = config.log.shards.some(({ directory }) => existsSync(dataPaths(config, directory).database));
  // The trail of a service whose other logs are all there tells by its indexes whether this one has been there too.
  if (!hasOther) return auditTrail;
  const { highestLogIndexes } = await readAuditTrailEnd(auditTrail);
  return Buffer.from(logId).toString("hex") in highestLogIndexes ? auditTrail : undefined;
}

/**
 * `mayfly log init`: opens the keys of each log that is not there yet and makes its database with them. A log in a folder
 * of its own can be made while the service runs.
 *
 * @param name of the one shard to make; every configured one that has no log yet when left out
 * @throws MayflyError when a key cannot be opened, the folder is in use, or a log or its traces are there already
 * @throws ConfigError when there is no such shard
 */
export async function initLog(config: Config, context: InitContext, name?: string): Promise<readonly MadeLog[]> {
  if (config.log.store.kind === "memory") {
    throw new MayflyError("LOG_WRITE_FAILED", "log.store.kind is memory: there is nothing to make");
  }
  const made: MadeLog[] = [];
  for (const shard of shardsToMake(config, name)) made.push(await initShard(config, shard, context));
  return made;
}

function shardsToMake(config: Config, name: string | undefined): readonly SigningShardConfig[] {
  const shards = config.log.shards.filter((shard): shard is SigningShardConfig => shard.state !== "frozen");
  if (name !== undefined) {
    const named = shards.filter((shard) => shard.name === name);
    if (named.length === 0) throw new ConfigError(`log.shards: no staged or active shard is named ${name}`);
    return named;
  }
  const missing = shards.filter(({ directory }) => !existsSync(dataPaths(config, directory).database));
  // Where nothing is missing, each shard tells of the log that is there.
  return missing.length > 0 ? missing : shards;
}

async function initShard(config: Config, shard: SigningShardConfig, { env, pid }: InitContext): Promise<MadeLog> {
  const options = { env, development: config.environment === "development", onMismatch: fail };
  const signers = await openLogSigners(shard, options);
  try {
    refuseDevelopmentKeys(config, [signers.log, signers.checkpoint]);
    const manifest = makeManifest(shard.origin, signers, systemClock.now());
    const lock = lockShard(config, shard, pid);
    try {
      return { shard: shard.name, manifest, path: await createLogDatabase(config, shard, manifest) };
    } finally {
      lock.release();
    }
  } finally {
    await Promise.all([signers.log.close(), signers.checkpoint.close()]);
  }
}

/** A running service has the data directory; it looks into a shard's own folder only when it is told to. */
function lockShard({ dataDirectory }: Config, { directory }: ShardConfig, pid: number | undefined) {
  if (directory === LOG_DIRECTORY) return lockData({ dataDirectory }, pid);
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  return lockData({ dataDirectory: join(dataDirectory, directory) }, pid);
}

/** A key that signs wrongly while it is being opened: the command fails with it. */
function fail(error: MayflyError): never {
  throw error;
}
