import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { MayflyError } from "../../../core/errors.ts";
import type { LogManifest } from "../../../ports/log-store.ts";
import { openForCreating } from "./open-database.ts";
import { createSchema } from "./schema.ts";

/** Where a log is made; it gets its own name when it is whole, so a process that is killed meanwhile leaves no half log. */
const unfinishedLog = (path: string): string => `${path}.new`;

/**
 * Makes the database of a new, empty log; when it returns, file and directory entry are on the disk. The directory must be
 * this process's alone.
 *
 * @param path of the file to make, readable and writable by its owner only
 * @throws MayflyError `log_failed` (LOG_WRITE_FAILED) when there is a file already, which is left alone, or writing fails
 */
export function createSqliteLog(path: string, manifest: LogManifest): void {
  try {
    removeUnfinishedLog(path);
    try {
      makeDatabase(unfinishedLog(path), manifest);
      giveName(unfinishedLog(path), path);
    } finally {
      removeUnfinishedLog(path);
    }
  } catch (cause) {
    throw new MayflyError("LOG_WRITE_FAILED", `cannot make a log at ${path}`, { cause });
  }
}

/** Removes what a process that was killed while it made a log at `path` has left beside it; never the log itself. */
export function removeUnfinishedLog(path: string): void {
  removeSqliteLog(unfinishedLog(path));
}

/**
 * What SQLite keeps beside a database, and the database itself, which comes last. To a database of the same name that is put
 * in its place, a WAL that was left behind would be its own.
 */
const FILES = ["-journal", "-wal", "-shm", ""] as const;

/** Whether there is a log's database at `path`, or something of one. */
export function hasSqliteLog(path: string): boolean {
  return FILES.some((suffix) => existsSync(`${path}${suffix}`));
}

/** Removes the database at `path` with everything that belongs to it; there may be none. */
export function removeSqliteLog(path: string): void {
  for (const suffix of FILES) rmSync(`${path}${suffix}`, { force: true });
}

/**
 * Gives a log that was made under another name, and closed, the name it is opened by.
 *
 * @throws MayflyError `log_failed` (LOG_WRITE_FAILED) when there is something of a log at `to`, which is left alone
 */
export function renameSqliteLog(from: string, to: string): void {
  try {
    if (existsSync(`${from}-wal`)) throw new Error("it is open");
    if (hasSqliteLog(to)) throw new Error("something is there");
    sync(from);
    giveName(from, to);
    rmSync(from);
  } catch (cause) {
    throw new MayflyError("LOG_WRITE_FAILED", `cannot call a log ${to}`, { cause });
  }
}

/**
 * Moves a log's database, with everything that belongs to it, into a new folder, where it keeps its name and can be read.
 *
 * @throws MayflyError `log_failed` (LOG_WRITE_FAILED)
 */
export function moveSqliteLog(path: string, folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
    for (const suffix of FILES) {
      if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, join(folder, `${basename(path)}${suffix}`));
    }
    sync(folder);
    sync(dirname(path));
  } catch (cause) {
    throw new MayflyError("LOG_WRITE_FAILED", `cannot move ${path} to ${folder}`, { cause });
  }
}

function makeDatabase(path: string, manifest: LogManifest): void {
  // SQLite would make the file readable by others.
  closeSync(openSync(path, "wx", 0o600));
  const database = openForCreating(path);
  try {
    createSchema(database, manifest);
  } finally {
    // Copies the WAL back and removes it: from here on the log is this one file.
    database.close();
  }
  sync(path);
}

/** A second name for the file, and not a new one: renaming would take the place of a log that is there. */
function giveName(from: string, to: string): void {
  linkSync(from, to);
  try {
    sync(dirname(to));
  } catch (cause) {
    rmSync(to);
    throw cause;
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
