import { closeSync, constants, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MayflyError } from "../../core/errors.ts";

/** Who takes the lock, for the one who comes too late. */
export interface LockHolder {
  /** Process id, as the holder's own machine or container counts it. */
  readonly pid?: number;
  readonly nowMs: number;
}

/** A data directory that no other process uses until it is released. */
export interface DataDirectoryLock {
  readonly release: () => void;
}

/** A database that nothing refers to is closed when its memory is collected, and its lock with it. */
const held = new Set<DatabaseSync>();

/** Result code of SQLite: somebody else has the lock (SQLITE_BUSY). */
const BUSY = 5;

/** How much of the holder's note is repeated. */
const MAX_NOTE = 200;

/**
 * Takes a directory for this process alone. Two processes on one log would not fork it, but would write one head mark and
 * one audit trail in turns.
 *
 * The lock is the operating system's (fcntl(2)) on the file `serve.lock`, so it ends with the process however that ends,
 * and a file that was left behind means nothing. Node.js has no call for it; SQLite has, on a file that stays empty.
 * `serve.holder` beside it says in words who has the lock, or had it last.
 *
 * @throws MayflyError `internal` (DATA_DIRECTORY_LOCKED) naming the holder, or when the directory cannot be written to
 */
export function lockDataDirectory(directory: string, holder: LockHolder): DataDirectoryLock {
  const lockFile = join(directory, "serve.lock");
  const holderFile = join(directory, "serve.holder");
  let database: DatabaseSync | undefined;
  try {
    makeForOwner(lockFile);
    database = new DatabaseSync(lockFile, { timeout: 0 });
    // No journal file: nothing is ever written, so there is nothing that a crash could leave behind.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    held.add(database);
    writeFileSync(holderFile, describeHolder(holder), { mode: 0o600 });
  } catch (cause) {
    if (database !== undefined) held.delete(database);
    database?.close();
    throw new MayflyError("DATA_DIRECTORY_LOCKED", describeRefusal(directory, { cause, holderFile }), { cause });
  }
  const locked = database;
  return {
    release: () => {
      if (!locked.isOpen) return;
      // While the lock is held: the next holder's note must not be removed.
      rmSync(holderFile, { force: true });
      locked.close();
      held.delete(locked);
    },
  };
}

/** SQLite would make the file readable by others. Never opened here when it is there: closing it would end our own lock. */
function makeForOwner(path: string): void {
  try {
    closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600));
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
}

function describeHolder({ pid, nowMs }: LockHolder): string {
  return `process ${pid ?? "unknown"} on ${hostname()}, since ${new Date(nowMs).toISOString()}\n`;
}

function describeRefusal(
  directory: string,
  { cause, holderFile }: { readonly cause: unknown; readonly holderFile: string },
): string {
  if (!Error.isError(cause) || !("errcode" in cause) || cause.errcode !== BUSY) return `cannot lock ${directory}`;
  return `${directory} is in use by another Mayfly: ${readNote(holderFile)}`;
}

function readNote(holderFile: string): string {
  try {
    const text = readFileSync(holderFile, "utf8").trim().slice(0, MAX_NOTE);
    return text === "" ? "it does not say which" : text;
  } catch {
    return "it does not say which";
  }
}

function hasCode(error: unknown, code: string): boolean {
  return Error.isError(error) && "code" in error && error.code === code;
}
