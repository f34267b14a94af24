import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { openFileHighWaterMark } from "../adapters/high-water-mark/file.ts";
import {
  createSqliteLog,
  hasSqliteLog,
  moveSqliteLog,
  removeSqliteLog,
  removeUnfinishedLog,
  renameSqliteLog,
} from "../adapters/log-store/sqlite/create-sqlite-log.ts";
import { openSqliteLogStore } from "../adapters/log-store/sqlite/sqlite-log-store.ts";
import { ConfigError } from "../config/load-config.ts";
import { namedShard } from "../config/named-shard.ts";
import type { Config } from "../config/schema.ts";
import { MayflyError } from "../core/errors.ts";
import { verifyCheckpointNote } from "../ctlog/verify-checkpoint-note.ts";
import type { LogSource } from "../ports/log-source.ts";
import type { LogManifest, LogStore, PublishedCheckpoint } from "../ports/log-store.ts";
import { adoptLog } from "../tlog/adopt-log.ts";
import { requireNotBehind, type LogMark } from "../tlog/log-marks.ts";
import { askWitnessMarks } from "./ask-witness-marks.ts";
import { dataPaths, finalNotePath, type DataPaths } from "./data-paths.ts";
import { refuseDevelopmentKeys } from "./development-keys.ts";
import { makeManifest, type InitContext } from "./init-log.ts";
import { openJudge } from "./judge-pool.ts";
import { readLogMarks, type KnownLogMarks } from "./known-log-marks.ts";
import { lockData } from "./lock-data.ts";
import { openLogSigners, type LogSignersConfig } from "./open-log-signers.ts";
import { openLogSource } from "./open-log-source.ts";

/** What a data folder's log is made from again. */
export interface AdoptOptions {
  readonly config: Config;
  readonly context: InitContext;
  /** Name of the shard; may be left out where there is only one. */
  readonly shard?: string | undefined;
  /** Folder or URL of a static-ct-api copy of the log. */
  readonly from: string;
  /** How many entries somebody knows that the log had, from what is not in the data directory. */
  readonly atLeast?: number | undefined;
  /** Put a database that is there aside, instead of leaving it alone. */
  readonly moveAside: boolean;
  readonly onProgress?: (entries: number, of: number) => void;
}

/** A log that was made again. */
export interface AdoptedLog {
  readonly manifest: LogManifest;
  /** Whether it takes nothing more: it is configured so, or something remembers that it was frozen. */
  readonly isFrozen: boolean;
  readonly checkpoint: PublishedCheckpoint;
  /** Of its database. */
  readonly path: string;
  /** What it was compared with. */
  readonly marks: readonly LogMark[];
  /** Folder that the database which was there is in now. */
  readonly movedTo?: string;
  /** Why that database could not be asked how far the log had come. */
  readonly unreadableDatabase?: string;
  /** Witnesses that did not say how far they have seen the log come, each with why. */
  readonly silentWitnesses: readonly string[];
}

/**
 * `mayfly log adopt`: makes the configured log's database again from a copy of the log, if nothing that is left knows of
 * more entries than the copy has. A log that was frozen is frozen again, however it is configured. The service must be
 * stopped.
 *
 * @throws MayflyError `log_failed` when the copy is old, damaged or of another log, or a database is there and was not to be
 *   moved; when a key cannot be opened or the data directory is in use
 * @throws ConfigError when it is not clear which shard is meant, or its keys are not configured
 */
export async function adoptConfiguredLog(options: AdoptOptions): Promise<AdoptedLog> {
  const { config, context } = options;
  const shard = namedShard(config, options.shard);
  if (config.log.store.kind === "memory") throw new ConfigError("log.store.kind is memory: there is nothing to make");
  const manifest = await readConfiguredManifest(options);
  const lock = lockData(config, context.pid);
  try {
    const paths = dataPaths(config, shard.directory);
    if (hasSqliteLog(paths.database) && !options.moveAside) {
      throw new MayflyError("LOG_WRITE_FAILED", `there is a log at ${paths.database}, and it was left as it is`);
    }
    const known = await readLogMarks({ ...paths, finalNote: finalNotePath(config, manifest.logId) }, manifest);
    const stated = options.atLeast === undefined ? [] : [{ where: "--at-least", size: options.atLeast }];
    const adoption = { manifest, paths, known: { ...known, marks: [...known.marks, ...stated] } };
    return await adoptFrom(options, adoption, shard.state === "frozen");
  } finally {
    lock.release();
  }
}

/** The keys are not needed to make a log again, but what it is called and by whom it is signed must be beyond doubt. */
async function readConfiguredManifest({ config, context, shard: name }: AdoptOptions): Promise<LogManifest> {
  const shard = namedShard(config, name);
  const { signer, checkpointSigner, place } = shard;
  if (signer === undefined || checkpointSigner === undefined) {
    throw new ConfigError(`log.shards: the keys of shard ${shard.name} must be configured while it is adopted`);
  }
  const where: LogSignersConfig = { signer, checkpointSigner, place };
  const development = config.environment === "development";
  const signers = await openLogSigners(where, { env: context.env, development, onMismatch: fail });
  try {
    refuseDevelopmentKeys(config, [signers.log, signers.checkpoint]);
    return makeManifest(shard.origin, signers, systemClock.now());
  } finally {
    await Promise.all([signers.log.close(), signers.checkpoint.close()]);
  }
}

interface Adoption {
  readonly manifest: LogManifest;
  readonly paths: DataPaths;
  readonly known: KnownLogMarks;
}

async function adoptFrom(options: AdoptOptions, adoption: Adoption, asFrozen: boolean): Promise<AdoptedLog> {
  const { manifest, paths, known } = adoption;
  const isFrozen = asFrozen || known.final !== undefined;
  const source = await openLogSource(options.from, { kind: "static-ct" });
  const unfinished = `${paths.database}.adopted`;
  try {
    const checkpoint = await readCheckpoint(source, manifest);
    const witnessed = await askWitnessMarks(options.config, checkpoint);
    const marks = [...known.marks, ...witnessed.marks];
    // Before anything is made: most refusals are this one.
    requireNotBehind({ location: source.location, size: checkpoint.size }, marks);
    requireNotBeyond(source.location, checkpoint, known.final);
    mkdirSync(dirname(paths.database), { recursive: true, mode: 0o700 });
    removeLeftovers(unfinished);
    createSqliteLog(unfinished, manifest);
    const last = isFrozen ? newerOf(checkpoint, known.isFinalSigned ? known.final : undefined) : undefined;
    await fill(unfinished, { options, source, checkpoint, marks, last });
    const installed = await install(unfinished, paths, checkpoint);
    const { silent: silentWitnesses } = witnessed;
    return { ...known, marks, silentWitnesses, manifest, isFrozen, checkpoint, path: paths.database, ...installed };
  } finally {
    removeLeftovers(unfinished);
    await source.close();
  }
}

async function readCheckpoint(source: LogSource, manifest: LogManifest): Promise<PublishedCheckpoint> {
  const note = await source.checkpoint();
  try {
    return verifyCheckpointNote(note, manifest);
  } catch (cause) {
    if (!(cause instanceof MayflyError)) throw cause;
    const detail = `the checkpoint of ${source.location} is none of ${manifest.origin} with its keys`;
    throw new MayflyError("LOG_WRONG_KEY", detail, { cause });
  }
}

/** Whoever has added something to a frozen log has not done it here. */
function requireNotBeyond(
  location: string,
  { size }: PublishedCheckpoint,
  final: PublishedCheckpoint | undefined,
): void {
  if (final === undefined || size === final.size) return;
  throw new MayflyError("LOG_FROZEN", `${location} has ${size} entries, and the log was frozen at ${final.size}`);
}

/** Both are of the same tree, which is found out when the entries are there. */
function newerOf(checkpoint: PublishedCheckpoint, final: PublishedCheckpoint | undefined): PublishedCheckpoint {
  return final !== undefined && final.timestampMs > checkpoint.timestampMs ? final : checkpoint;
}

interface Filling {
  readonly options: AdoptOptions;
  readonly source: LogSource;
  readonly checkpoint: PublishedCheckpoint;
  readonly marks: readonly LogMark[];
  /** What the log is frozen with, where it is. */
  readonly last: PublishedCheckpoint | undefined;
}

async function fill(path: string, { options, source, checkpoint, marks, last }: Filling): Promise<void> {
  const { config, onProgress } = options;
  const store = await openStore(path, config);
  const judge = openJudge("mayfly", checkpoint.size);
  try {
    await adoptLog({
      ...{ source, checkpoint, store, judge, marks },
      onProgress: (entries) => onProgress?.(entries, checkpoint.size),
    });
    if (last !== undefined) await store.freeze(last);
  } finally {
    await judge.close();
    await store.close();
  }
}

function openStore(path: string, { log: { store } }: Config): Promise<LogStore> {
  // What is fatal to the store fails the call that brought it about, and with it the command.
  const options = { path, onFatal: () => undefined };
  return openSqliteLogStore(
    store.kind === "sqlite" ? { ...options, allowAnyFilesystem: store.allowAnyFilesystem } : options,
  );
}

/** The head mark first: whatever happens then, what is left tells that the log was as far as this. */
async function install(
  unfinished: string,
  { database, headMark }: DataPaths,
  checkpoint: PublishedCheckpoint,
): Promise<Pick<AdoptedLog, "movedTo">> {
  let failure: unknown;
  const mark = openFileHighWaterMark({ path: headMark, onFailure: (error) => (failure = error) });
  mark.advance(checkpoint);
  await mark.close();
  if (failure !== undefined) {
    throw new MayflyError("LOG_WRITE_FAILED", `${headMark} cannot be written`, { cause: failure });
  }
  const time = new Date(systemClock.now()).toISOString().replaceAll(/[:.]/gu, "-");
  const aside = hasSqliteLog(database) ? join(dirname(database), `aside-${time}`) : undefined;
  if (aside !== undefined) moveSqliteLog(database, aside);
  renameSqliteLog(unfinished, database);
  return aside === undefined ? {} : { movedTo: aside };
}

function removeLeftovers(unfinished: string): void {
  removeUnfinishedLog(unfinished);
  removeSqliteLog(unfinished);
}

/** A key that signs wrongly while it is being opened: the command fails with it. */
function fail(error: MayflyError): never {
  throw error;
}
