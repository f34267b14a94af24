import type { DatabaseSync } from "node:sqlite";
import { MayflyError } from "../../../core/errors.ts";
import type { LogManifest } from "../../../ports/log-store.ts";
import { emptyTreeHead } from "../empty-tree-head.ts";
import { PLACE } from "./place.ts";
import { withChecksum } from "./row-checksum.ts";

/** "Mfly" in ASCII, so that file(1) and SQLite tools can tell whose database this is. */
export const APPLICATION_ID = 0x4d666c79;

/** Version of the tables below; another version is another format. */
export const SCHEMA_VERSION = 3;

/**
 * Tables of a log. `manifest`, `head` and `published` have one row at most. A tile's key is level · 2^40 + index. Lists
 * of hashes are one blob. What is given to readers carries a checksum; `submission` only finds an entry, with which the
 * submission is compared.
 */
const TABLES = {
  manifest: `CREATE TABLE manifest (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  format_version INTEGER NOT NULL,
  origin TEXT NOT NULL,
  log_id BLOB NOT NULL,
  log_public_key BLOB NOT NULL,
  checkpoint_public_key BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT`,
  head: `CREATE TABLE head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  size INTEGER NOT NULL CHECK (size >= 0),
  root BLOB NOT NULL CHECK (length(root) = 32),
  right_edge BLOB NOT NULL,
  timestamp_ms INTEGER NOT NULL,
  frozen_ms INTEGER,
  checksum INTEGER NOT NULL
) STRICT`,
  published: `CREATE TABLE published (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  size INTEGER NOT NULL CHECK (size >= 0),
  root BLOB NOT NULL CHECK (length(root) = 32),
  timestamp_ms INTEGER NOT NULL,
  note TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT`,
  entry: "CREATE TABLE entry (idx INTEGER PRIMARY KEY, stored BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT",
  tile: "CREATE TABLE tile (key INTEGER PRIMARY KEY, hashes BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT",
  submission: "CREATE TABLE submission (key BLOB PRIMARY KEY, idx INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  issuer: `CREATE TABLE issuer (
  fingerprint BLOB PRIMARY KEY,
  der BLOB NOT NULL,
  checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID`,
} as const;

/** Every table of a log's database; it has nothing else. */
export const TABLE_NAMES = Object.keys(TABLES);

/** By table: the columns that a row's checksum covers beside the record's name, in their order. */
export const CHECKED_COLUMNS = {
  manifest: ["format_version", "origin", "log_id", "log_public_key", "checkpoint_public_key", "created_ms"],
  head: ["size", "root", "right_edge", "timestamp_ms", "frozen_ms"],
  published: ["size", "root", "timestamp_ms", "note"],
  entry: ["stored"],
  tile: ["hashes"],
  issuer: ["der"],
} as const;

const TILE_LEVEL = 2 ** 40;

/** Key of a tile's row. */
export function tileKey(level: number, index: number): number {
  return level * TILE_LEVEL + index;
}

/** Makes the tables of a new, empty log in one transaction. */
export function createSchema(database: DatabaseSync, manifest: LogManifest): void {
  const { size, root, timestampMs } = emptyTreeHead(manifest);
  const { formatVersion, origin, logId, logPublicKey, checkpointPublicKey, createdMs } = manifest;
  database.exec(`BEGIN IMMEDIATE; ${Object.values(TABLES).join(";")};`);
  database
    .prepare("INSERT INTO manifest VALUES (1, ?, ?, ?, ?, ?, ?, ?)")
    .run(...withChecksum(PLACE.manifest, [formatVersion, origin, logId, logPublicKey, checkpointPublicKey, createdMs]));
  database
    .prepare("INSERT INTO head VALUES (1, ?, ?, ?, ?, ?, ?)")
    .run(...withChecksum(PLACE.head, [size, root, new Uint8Array(0), timestampMs, null]));
  database.exec(`
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${SCHEMA_VERSION};
    COMMIT;
  `);
}

/**
 * Compares the definitions that a database has of a log's tables with those it was made with.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT) naming the table
 */
export function requireTables(database: DatabaseSync): void {
  const definition = database.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?");
  for (const [name, sql] of Object.entries(TABLES)) {
    if (definition.get(name)?.["sql"] !== sql) {
      throw new MayflyError("LOG_CORRUPT", `table ${name} of the log's database is not defined as it was made`);
    }
  }
}
