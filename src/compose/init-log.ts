import { existsSync } from "node:fs";
import { createSqliteLog, removeUnfinishedLog } from "../adapters/log-store/sqlite/create-sqlite-log.ts";
import { requireDurableFileSystem } from "../adapters/log-store/sqlite/file-system.ts";
import { systemClock } from "../adapters/clock/system-clock.ts";
import type { Config } from "../config/schema.ts";
import { parseLogKey } from "../core/ct/log-key.ts";
import { MayflyError } from "../core/errors.ts";
import type { LogManifest } from "../ports/log-store.ts";
import type { Signer } from "../ports/signer.ts";
import { dataPaths } from "./data-paths.ts";
import { refuseDevelopmentKeys } from "./development-keys.ts";
import { lockData } from "./lock-data.ts";
import { openSigner, SIGNER_ROLES } from "./open-signer.ts";
import type { Environment } from "./read-secret.ts";

/** The keys of a log. */
export interface LogSigners {
  /** P-256: SCTs and tree heads. */
  readonly log: Signer;
  /** Ed25519: checkpoints. */
  readonly checkpoint: Signer;
}

/** What the process gives its command. */
export interface InitContext {
  readonly env: Environment;
  /** Id of this process, for whoever finds the data directory in use. */
  readonly pid?: number;
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
 * Makes the database of a new log. The data directory is there, and this process has it alone.
 *
 * @throws MayflyError `log_failed` where a log is, where traces of a lost one are, or where a log could be lost
 */
export async function createLogDatabase(config: Config, manifest: LogManifest): Promise<string> {
  const { database, headMark, auditTrail } = dataPaths(config);
  removeUnfinishedLog(database);
  if (existsSync(database)) {
    throw new MayflyError("LOG_WRITE_FAILED", `there is a log at ${database} already, and it was left as it is`);
  }
  const trace = [headMark, auditTrail].find((file) => existsSync(file));
  if (trace !== undefined) {
    throw new MayflyError(
      "LOG_ROLLED_BACK",
      `there is no log at ${database}, but ${trace} knows of one that was there`,
    );
  }
  const { store } = config.log;
  // Said now and not by the first start, when the log already has a name.
  if (store.kind === "sqlite" && !store.allowAnyFilesystem) await requireDurableFileSystem(config.dataDirectory);
  createSqliteLog(database, manifest);
  return database;
}

/**
 * `mayfly log init`: opens the log's keys and makes its database with them.
 *
 * @throws MayflyError when a key cannot be opened, the data directory is in use, or a log or its traces are there already
 */
export async function initLog(
  config: Config,
  { env, pid }: InitContext,
): Promise<{ readonly manifest: LogManifest; readonly path: string }> {
  if (config.log.store.kind === "memory") {
    throw new MayflyError("LOG_WRITE_FAILED", "log.store.kind is memory: there is nothing to make");
  }
  const options = { env, development: config.environment === "development", onMismatch: fail };
  const log = await openSigner(config.log.signer, SIGNER_ROLES.log, options);
  const checkpoint = await openSigner(config.log.checkpointSigner, SIGNER_ROLES.checkpoint, options);
  refuseDevelopmentKeys(config, [log, checkpoint]);
  const manifest = makeManifest(config.log.origin, { log, checkpoint }, systemClock.now());
  const lock = lockData(config, pid);
  try {
    return { manifest, path: await createLogDatabase(config, manifest) };
  } finally {
    lock.release();
    await Promise.all([log.close(), checkpoint.close()]);
  }
}

/** A key that signs wrongly while it is being opened: the command fails with it. */
function fail(error: MayflyError): never {
  throw error;
}
