import assert from "node:assert/strict";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { LogRows } from "../../../src/adapters/log-store/sqlite/log-rows.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import type { DamageLab } from "./damage-lab.ts";
import {
  bitsOf,
  contentOf,
  flipBit,
  KEY_OF,
  readRecord,
  setColumn,
  storedRecords,
  type StoredRecord,
} from "./stored-records.ts";

/** Chooses which of so many bits of a column are flipped, one after the other. */
export type ChooseBits = (bits: number, record: StoredRecord) => Iterable<number>;

/**
 * Flips bits of every column of every record of a log, one at a time, and reads the record as a log's store does.
 *
 * @returns how many bits were flipped
 * @throws AssertionError when a record is given out, or another place is named
 */
export function flipColumns(path: string, choose: ChooseBits): number {
  const database = new DatabaseSync(path);
  const rows = new LogRows(database);
  let flipped = 0;
  try {
    for (const record of storedRecords(database)) {
      for (const [column, value] of Object.entries(record.columns)) {
        for (const bit of choose(bitsOf(value), record)) {
          database.exec("BEGIN");
          setColumn(database, record, [column, flipBit(value, bit)]);
          requireRefused(rows, record, `bit ${bit} of ${column}`);
          database.exec("ROLLBACK");
          flipped += 1;
        }
      }
    }
  } finally {
    database.close();
  }
  return flipped;
}

function requireRefused(rows: LogRows, record: StoredRecord, what: string): void {
  assert.throws(
    () => readRecord(rows, record),
    (error) => {
      assert.ok(error instanceof MayflyError && error.reason === "LOG_CORRUPT", `${record.place}, ${what}`);
      assert.ok(error.message.startsWith(`${record.place} `), `${record.place}, ${what}: ${error.message}`);
      return true;
    },
    `${record.place} was given out with ${what} flipped`,
  );
}

/**
 * Gives each record in turn the key of another place, free or not.
 *
 * @param keyOf the other key; undefined for records that have only one place
 * @returns how many were moved
 */
export function moveRecords(path: string, keyOf: (record: StoredRecord) => SQLInputValue | undefined): number {
  const database = new DatabaseSync(path);
  const rows = new LogRows(database);
  let moved = 0;
  try {
    for (const record of storedRecords(database)) {
      const key = keyOf(record);
      if (key === undefined) continue;
      database.exec("BEGIN");
      const columns = Object.keys(record.columns).join(", ");
      database.prepare(`DELETE FROM ${record.table} WHERE ${KEY_OF[record.table]} IS ?`).run(key);
      database
        .prepare(
          `INSERT INTO ${record.table} (${KEY_OF[record.table]}, ${columns})
           SELECT ?, ${columns} FROM ${record.table} WHERE ${KEY_OF[record.table]} IS ?`,
        )
        .run(key, record.key);
      assert.throws(() => readRecord(rows, { table: record.table, key }), { reason: "LOG_CORRUPT" }, record.place);
      database.exec("ROLLBACK");
      moved += 1;
    }
  } finally {
    database.close();
  }
  return moved;
}

/** What became of flips in a log's file. */
export interface FileFlips {
  /** Named by the verification, or the file was not opened. */
  readonly found: number;
  /** In bytes that hold nothing: by what they are part of. */
  readonly harmless: Readonly<Record<FilePart, number>>;
}

/** Parts of a page (SQLite file format §1.6); the header of the file is part of the first. */
type FilePart = "file header" | "page header" | "rest of a page";

/**
 * Flips a bit of a log's file at each offset, one at a time, and verifies the data folder.
 *
 * @param flips offset in the file and bit in the byte
 * @throws AssertionError when nothing is found, and what readers are told is not the same as before
 */
export async function flipFile(lab: DamageLab, flips: Iterable<readonly [number, number]>): Promise<FileFlips> {
  const paths = lab.copy(lab.saved.now);
  const good = readFileSync(paths.database);
  const content = contentOf(paths.database);
  let found = 0;
  const harmless = { "file header": 0, "page header": 0, "rest of a page": 0 };
  for (const [offset, bit] of flips) {
    const bytes = Buffer.from(good);
    bytes[offset] = bytes[offset]! ^ (1 << bit);
    for (const suffix of ["-wal", "-shm"]) rmSync(`${paths.database}${suffix}`, { force: true });
    writeFileSync(paths.database, bytes);
    if ((await lab.verify(paths)) !== "accepted") {
      found += 1;
      continue;
    }
    const copy = `${paths.database}.read`;
    copyFileSync(paths.database, copy);
    assert.equal(contentOf(copy), content, `bit ${bit} at offset ${offset} changes what is read, and nobody notices`);
    harmless[partOf(good, offset)] += 1;
  }
  return { found, harmless };
}

const PAGE_BYTES = 4096;
const FILE_HEADER_BYTES = 100;

function partOf(file: Buffer, offset: number): FilePart {
  if (offset < FILE_HEADER_BYTES) return "file header";
  const page = offset - (offset % PAGE_BYTES);
  const header = page === 0 ? FILE_HEADER_BYTES : page;
  const type = file[header] ?? 0;
  const isInterior = type === 2 || type === 5;
  if (!isInterior && type !== 10 && type !== 13) return "rest of a page";
  return offset < header + (isInterior ? 12 : 8) ? "page header" : "rest of a page";
}
