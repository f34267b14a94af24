import { closeSync, fsyncSync, linkSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
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
  for (const suffix of ["", "-journal", "-wal", "-shm"]) rmSync(`${unfinishedLog(path)}${suffix}`, { force: true });
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
