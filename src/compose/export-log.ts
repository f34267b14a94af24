import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { lockDataDirectory } from "../adapters/data-directory/lock-data-directory.ts";
import { openFileHighWaterMark } from "../adapters/high-water-mark/file.ts";
import { openSqliteLogRecords } from "../adapters/log-store/sqlite/open-sqlite-log-records.ts";
import { openStaticFolder } from "../adapters/static-files/folder.ts";
import type { ShardConfig } from "../config/log-schema.ts";
import { namedShard } from "../config/named-shard.ts";
import type { Config } from "../config/schema.ts";
import { MayflyError } from "../core/errors.ts";
import { LogExport, type ExportReport, type LogExportOptions } from "../ctlog/export-log.ts";
import type { PublishedCheckpoint } from "../ports/log-store.ts";
import { dataPaths } from "./data-paths.ts";
import { openConfiguredWitnesses } from "./open-witnesses.ts";
import { withCosignatures } from "./with-cosignatures.ts";

/** Folder of unfinished files and of the lock; nothing in it is for the public. */
const WORKING_FOLDER = ".mayfly";

/** Where a log is exported to, and how. */
export interface OpenExportOptions extends Omit<LogExportOptions, "files" | "metadata"> {
  readonly config: Config;
  /** Name of the shard; may be left out where there is only one. */
  readonly shard?: string | undefined;
  /** Made unless it is there. */
  readonly directory: string;
  /** Id of this process, for whoever finds the folder in use. */
  readonly pid?: number;
}

/** A folder that a log is exported to, and that no other process exports to meanwhile. */
export interface OpenedExport {
  /** Brings the folder up to the newest published checkpoint, as {@link LogExport.run} does. */
  readonly run: () => Promise<ExportReport>;
  readonly close: () => void;
}

/**
 * Opens the folder that the configured log is exported to. The log's database is only read, so a service may be running.
 *
 * @throws MayflyError `log_failed` (EXPORT_CONFLICT) for a folder that must not be public, `internal`
 *   (DATA_DIRECTORY_LOCKED) when another process exports to it
 * @throws ConfigError when it is not clear which shard is meant
 */
export function openExport(opened: OpenExportOptions): OpenedExport {
  const { config, shard: name, directory, pid, ...options } = opened;
  const shard = namedShard(config, name);
  requireApart(directory, config.dataDirectory);
  const workingFolder = join(directory, WORKING_FOLDER);
  makeFolders(directory, workingFolder);
  const lock = lockDataDirectory(workingFolder, { nowMs: systemClock.now(), ...(pid === undefined ? {} : { pid }) });
  const logExport = new LogExport({
    ...options,
    files: openStaticFolder(directory, workingFolder),
    metadata: metadataOf(shard),
  });
  return { run: () => runOnce(config, shard, logExport), close: lock.release };
}

function metadataOf({ state, window }: ShardConfig): LogExportOptions["metadata"] {
  return { state: state === "staged" ? "pending" : "usable", ...(window === undefined ? {} : { window }) };
}

async function runOnce(config: Config, shard: ShardConfig, logExport: LogExport): Promise<ExportReport> {
  const { database, cosignedMark } = dataPaths(config, shard.directory);
  // Opened each time: what the records say of the log is as of the moment they were opened in.
  const { records, close } = await openSqliteLogRecords(database);
  try {
    const { origin } = records.manifest;
    if (origin !== shard.origin) {
      throw new MayflyError("LOG_WRONG_KEY", `the log was made as ${origin}, the configured origin is ${shard.origin}`);
    }
    const published = records.published && (await cosign(config, cosignedMark, records.published));
    return await logExport.run({ ...records, published });
  } finally {
    await close();
  }
}

/** Adds what witnesses have made of this tree since it was published: readers of the folder see it as those of the service do. */
async function cosign(config: Config, mark: string, published: PublishedCheckpoint): Promise<PublishedCheckpoint> {
  const cosigned = await openFileHighWaterMark({ path: mark, onFailure: () => undefined }).read();
  if (cosigned === undefined) return published;
  const witnesses = openConfiguredWitnesses(config, systemClock);
  try {
    return withCosignatures(published, cosigned, witnesses);
  } finally {
    await Promise.all(witnesses.map((witness) => witness.close()));
  }
}

/** The folder goes to the public whole, with whatever is in it. */
function requireApart(directory: string, dataDirectory: string): void {
  const isInside = (inner: string, outer: string): boolean => !/^\.\.($|[/\\])/u.test(relative(outer, inner));
  const [exported, data] = [placeOf(directory), placeOf(dataDirectory)];
  if (isInside(exported, data) || isInside(data, exported)) {
    throw new MayflyError("EXPORT_CONFLICT", `${directory} must be apart from the data directory ${dataDirectory}`);
  }
}

/** Where a folder is, whatever links lead to it or will lead to it once it is made. */
function placeOf(folder: string): string {
  const path = resolve(folder);
  if (existsSync(path)) return realpathSync(path);
  return path === dirname(path) ? path : join(placeOf(dirname(path)), basename(path));
}

function makeFolders(directory: string, workingFolder: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    mkdirSync(workingFolder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new MayflyError("FILE_NOT_WRITTEN", `${directory} cannot be made`, { cause });
  }
}
