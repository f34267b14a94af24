import { DatabaseSync } from "node:sqlite";
import { MayflyError } from "../../../core/errors.ts";
import { requireRow } from "./row.ts";
import { APPLICATION_ID, requireTables, SCHEMA_VERSION } from "./schema.ts";
import { sqliteFailure } from "./sqlite-failure.ts";

/** How long a statement waits for another process's transaction. */
const BUSY_TIMEOUT_MS = 5_000;

/** The first SQLite whose WAL cannot be damaged by a checkpoint that runs beside a restart of the log. */
const OLDEST_SQLITE = [3, 51, 3] as const;

/**
 * Opens a log's database for writing. Every COMMIT reaches the disk before it returns (`synchronous` FULL), and the WAL is
 * only copied back when {@link WalCheckpointer} says so.
 *
 * @throws MayflyError LOG_CORRUPT when the file is no log of this format, LOG_BUSY, LOG_DISK_FULL or LOG_READ_FAILED when
 *   it cannot be used now
 */
export function openForWriting(path: string): DatabaseSync {
  return open(path, { readOnly: false }, (database) => {
    requireFormat(database);
    setWritingMode(database);
  });
}

/**
 * Opens a log's database for reading beside its writer.
 *
 * @throws MayflyError LOG_CORRUPT when the file is no log of this format, LOG_BUSY, LOG_DISK_FULL or LOG_READ_FAILED when
 *   it cannot be used now
 */
export function openForReading(path: string): DatabaseSync {
  return open(path, { readOnly: true }, requireFormat);
}

/**
 * Opens an empty file that becomes a log's database.
 *
 * @throws MayflyError LOG_CORRUPT, LOG_BUSY, LOG_DISK_FULL or LOG_READ_FAILED when SQLite cannot use it
 */
export function openForCreating(path: string): DatabaseSync {
  return open(path, { readOnly: false }, setWritingMode);
}

function open(
  path: string,
  { readOnly }: { readonly readOnly: boolean },
  prepare: (database: DatabaseSync) => void,
): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT_MS });
    requireRecentSqlite(database);
    prepare(database);
    return database;
  } catch (cause) {
    database?.close();
    throw sqliteFailure(cause, "LOG_READ_FAILED", `${path} cannot be opened as a database`);
  }
}

function requireRecentSqlite(database: DatabaseSync): void {
  const version = requireRow(database.prepare("SELECT sqlite_version() AS version")).text("version");
  const numbers = version.split(".").map(Number);
  const difference = OLDEST_SQLITE.map((oldest, at) => (numbers[at] ?? 0) - oldest).find((each) => each !== 0) ?? 0;
  if (difference < 0)
    throw new MayflyError("LOG_CORRUPT", `SQLite ${version} is older than ${OLDEST_SQLITE.join(".")}`);
}

function requireFormat(database: DatabaseSync): void {
  const applicationId = requireRow(database.prepare("PRAGMA application_id")).integer("application_id");
  const version = requireRow(database.prepare("PRAGMA user_version")).integer("user_version");
  if (applicationId !== APPLICATION_ID) throw new MayflyError("LOG_CORRUPT", "the database is no log of Mayfly");
  if (version !== SCHEMA_VERSION) {
    throw new MayflyError("LOG_CORRUPT", `the log has format ${version}, this program knows ${SCHEMA_VERSION}`);
  }
  requireTables(database);
}

function setWritingMode(database: DatabaseSync): void {
  const mode = requireRow(database.prepare("PRAGMA journal_mode = WAL")).text("journal_mode");
  if (mode !== "wal") throw new MayflyError("LOG_CORRUPT", `the database cannot keep a WAL (mode ${mode})`);
  database.exec("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA trusted_schema = OFF;");
}
