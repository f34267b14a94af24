import { closeSync, fsyncSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { MayflyError } from "../../../core/errors.ts";
import type { LogManifest } from "../../../ports/log-store.ts";
import { openForCreating } from "./open-database.ts";
import { createSchema } from "./schema.ts";

/**
 * Makes the database of a new, empty log; when it returns, file and directory entry are on the disk.
 *
 * @param path of the file to make, readable and writable by its owner only
 * @throws MayflyError `log_failed` (LOG_WRITE_FAILED) when there is a file already, which is left alone, or writing fails
 */
export function createSqliteLog(path: string, manifest: LogManifest): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (cause) {
    throw new MayflyError("LOG_WRITE_FAILED", `cannot make a log at ${path}`, { cause });
  }
  try {
    const database = openForCreating(path);
    try {
      createSchema(database, manifest);
    } finally {
      database.close();
    }
    sync(path);
    sync(dirname(path));
  } catch (cause) {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
    throw new MayflyError("LOG_WRITE_FAILED", `cannot make a log at ${path}`, { cause });
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
