import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { describeCauses } from "../../../core/errors.ts";
import { TILE_WIDTH, tileWidthAt } from "../../../core/merkle/tile.ts";
import { HASH_LENGTH } from "../../../core/merkle/tree.ts";
import type { LogRows } from "./log-rows.ts";
import { PLACE } from "./place.ts";
import { readTogether } from "./read-together.ts";
import { Row } from "./row.ts";
import { TABLE_NAMES, tileKey } from "./schema.ts";

/** Something wrong with a database that no record of the log shows. */
export interface FileProblem {
  /** The record that is too much, or `database`. */
  readonly where: string;
  readonly what: string;
}

/** SQLite stops after so many; one is enough to know. */
const MAX_PROBLEMS = 10;

/**
 * Looks for what reading a log record by record does not show: rows that no record is read from, columns longer than what is
 * read of them, and damage to the trees in which SQLite keeps rows. What is left are bytes that hold nothing.
 *
 * Reads the whole file, one table after the other, so that no transaction is longer than one table takes.
 */
export function findFileProblems(database: DatabaseSync, rows: LogRows): FileProblem[] {
  return [
    ...noting(() => readTogether(database, () => [...foreignObjects(database), ...foreignRows(database, rows)])),
    ...noting(() => foreignIssuers(database, rows)),
    ...TABLE_NAMES.flatMap((table) => noting(() => damagedTree(database, table))),
  ];
}

function noting(find: () => FileProblem[]): FileProblem[] {
  try {
    return find();
  } catch (error) {
    return [{ where: "database", what: describeCauses(error) }];
  }
}

function foreignObjects(database: DatabaseSync): FileProblem[] {
  const names: ReadonlySet<string> = new Set(TABLE_NAMES);
  return database
    .prepare("SELECT type, name FROM sqlite_schema")
    .all()
    .map((columns) => new Row(columns))
    .filter((row) => row.text("type") !== "table" || !names.has(row.text("name")))
    .map((row) => ({ where: "database", what: `${row.text("type")} ${row.text("name")} is not the log's` }));
}

/** Entries before the first, and tiles that a tree of the head's size does not have, or that hold more than it has. */
function foreignRows(database: DatabaseSync, rows: LogRows): FileProblem[] {
  const { size, partialTiles } = rows.head();
  const ranges: (readonly [number, number])[] = [];
  let level = 0;
  for (; TILE_WIDTH ** level <= size; level++) {
    const tiles = Math.ceil(Math.floor(size / TILE_WIDTH ** level) / TILE_WIDTH);
    ranges.push([tileKey(level, tiles), tileKey(level + 1, 0)]);
  }
  ranges.push([Number.MIN_SAFE_INTEGER, 0], [tileKey(level, 0), Number.MAX_SAFE_INTEGER]);
  const tiles = database.prepare("SELECT key FROM tile WHERE key >= ? AND key < ? LIMIT ?");
  const long = database.prepare("SELECT key FROM tile WHERE length(hashes) > ? LIMIT ?");
  const entries = database.prepare("SELECT idx AS key FROM entry WHERE idx < 0 LIMIT ?");
  const foreign = "is not the log's";
  return [
    ...keysOf(entries.all(MAX_PROBLEMS)).map((key) => ({ where: PLACE.entry(key), what: foreign })),
    ...ranges
      .flatMap(([start, end]) => keysOf(tiles.all(start, end, MAX_PROBLEMS)))
      .map((key) => ({ where: placeOfTile(key), what: foreign })),
    ...keysOf(long.all(TILE_WIDTH * HASH_LENGTH, MAX_PROBLEMS)).map((key) => tooLong(placeOfTile(key))),
    ...partialTiles.flatMap((hashes, of) => {
      const index = Math.floor(size / TILE_WIDTH ** (of + 1));
      return hashes.length > tileWidthAt(of, index, size) * HASH_LENGTH ? [tooLong(PLACE.tile(of, index))] : [];
    }),
  ];
}

const tooLong = (where: string): FileProblem => ({ where, what: "holds more than the tree has" });

function keysOf(found: readonly Record<string, unknown>[]): number[] {
  return found.map((columns) => new Row(columns).integer("key"));
}

function placeOfTile(key: number): string {
  const level = Math.floor(key / tileKey(1, 0));
  return PLACE.tile(level, key - tileKey(level, 0));
}

/** Certificates that are not what their fingerprints say, whether or not an entry refers to them. */
function foreignIssuers(database: DatabaseSync, rows: LogRows): FileProblem[] {
  return database
    .prepare("SELECT fingerprint FROM issuer")
    .all()
    .flatMap((columns) => {
      const fingerprint = new Row(columns).blob("fingerprint");
      const where = PLACE.issuer(fingerprint);
      const problems = noting(() => {
        const der = rows.issuer(fingerprint) ?? new Uint8Array(0);
        const isNamed = Buffer.compare(hash("sha256", der, "buffer"), fingerprint) === 0;
        return isNamed ? [] : [{ where, what: "is not the certificate with this fingerprint" }];
      });
      return problems.map(({ what }) => ({ where, what }));
    });
}

/** What SQLite finds: pages that are not where they belong, keys out of order, columns of another type than declared. */
function damagedTree(database: DatabaseSync, table: string): FileProblem[] {
  return database
    .prepare(`PRAGMA integrity_check(${table})`)
    .all()
    .map((columns) => new Row(columns).text("integrity_check"))
    .filter((text) => text !== "ok")
    .slice(0, MAX_PROBLEMS)
    .map((text) => ({ where: "database", what: `table ${table}: ${text}` }));
}
