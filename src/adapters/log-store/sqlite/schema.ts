import type { DatabaseSync } from "node:sqlite";
import type { LogManifest } from "../../../ports/log-store.ts";
import { emptyTreeHead } from "../empty-tree-head.ts";

/** "Mfly" in ASCII, so that file(1) and SQLite tools can tell whose database this is. */
export const APPLICATION_ID = 0x4d666c79;

/** Version of the tables below; another version is another format. */
export const SCHEMA_VERSION = 3;

/**
 * Tables of a log. `manifest`, `head` and `published` have one row at most. A tile's key is level · 2^40 + index. Lists
 * of hashes are one blob.
 */
const TABLES = `
CREATE TABLE manifest (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  format_version INTEGER NOT NULL,
  origin TEXT NOT NULL,
  log_id BLOB NOT NULL,
  log_public_key BLOB NOT NULL,
  checkpoint_public_key BLOB NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  size INTEGER NOT NULL CHECK (size >= 0),
  root BLOB NOT NULL CHECK (length(root) = 32),
  right_edge BLOB NOT NULL,
  timestamp_ms INTEGER NOT NULL,
  frozen_ms INTEGER
) STRICT;
CREATE TABLE published (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  size INTEGER NOT NULL CHECK (size >= 0),
  root BLOB NOT NULL CHECK (length(root) = 32),
  timestamp_ms INTEGER NOT NULL,
  note TEXT NOT NULL
) STRICT;
CREATE TABLE entry (idx INTEGER PRIMARY KEY, stored BLOB NOT NULL) STRICT;
CREATE TABLE tile (key INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;
CREATE TABLE submission (key BLOB PRIMARY KEY, idx INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE issuer (fingerprint BLOB PRIMARY KEY, der BLOB NOT NULL) STRICT, WITHOUT ROWID;
`;

const TILE_LEVEL = 2 ** 40;

/** Key of a tile's row. */
export function tileKey(level: number, index: number): number {
  return level * TILE_LEVEL + index;
}

/** Makes the tables of a new, empty log in one transaction. */
export function createSchema(database: DatabaseSync, manifest: LogManifest): void {
  const head = emptyTreeHead(manifest);
  database.exec(`BEGIN IMMEDIATE; ${TABLES}`);
  database
    .prepare("INSERT INTO manifest VALUES (1, ?, ?, ?, ?, ?, ?)")
    .run(
      manifest.formatVersion,
      manifest.origin,
      manifest.logId,
      manifest.logPublicKey,
      manifest.checkpointPublicKey,
      manifest.createdMs,
    );
  database
    .prepare("INSERT INTO head VALUES (1, ?, ?, ?, ?, NULL)")
    .run(head.size, head.root, new Uint8Array(0), head.timestampMs);
  database.exec(`
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${SCHEMA_VERSION};
    COMMIT;
  `);
}
