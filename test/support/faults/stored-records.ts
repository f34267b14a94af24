import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { LogRows } from "../../../src/adapters/log-store/sqlite/log-rows.ts";
import { PLACE } from "../../../src/adapters/log-store/sqlite/place.ts";
import { CHECKED_COLUMNS, tileKey } from "../../../src/adapters/log-store/sqlite/schema.ts";

export type CheckedTable = keyof typeof CHECKED_COLUMNS;

/** A row of a log's database that holds a record. */
export interface StoredRecord {
  readonly table: CheckedTable;
  /** How operators are told of it. */
  readonly place: string;
  readonly key: SQLInputValue;
  /** All columns but the key. */
  readonly columns: Readonly<Record<string, SQLInputValue>>;
}

/** Name of the key's column. */
export const KEY_OF: Readonly<Record<CheckedTable, string>> = {
  manifest: "id",
  head: "id",
  published: "id",
  entry: "idx",
  tile: "key",
  issuer: "fingerprint",
};

const LEVEL = tileKey(1, 0);

function placeOf(table: CheckedTable, key: SQLInputValue): string {
  if (table === "entry") return PLACE.entry(Number(key));
  if (table === "tile") return PLACE.tile(Math.floor(Number(key) / LEVEL), Number(key) % LEVEL);
  if (table === "issuer") return PLACE.issuer(key as Uint8Array);
  return PLACE[table];
}

/** Every record of a log. */
export function storedRecords(database: DatabaseSync): StoredRecord[] {
  return (Object.keys(CHECKED_COLUMNS) as CheckedTable[]).flatMap((table) =>
    database
      .prepare(`SELECT * FROM ${table}`)
      .all()
      .map((row) => {
        const { [KEY_OF[table]]: key = null, ...columns } = row as Record<string, SQLInputValue>;
        return { table, place: placeOf(table, key), key, columns };
      }),
  );
}

/** Reads a record as a log's store does; undefined when there is no row of its key. */
export function readRecord(rows: LogRows, { table, key }: Pick<StoredRecord, "table" | "key">): unknown {
  switch (table) {
    case "entry":
      return rows.entries(Number(key), Number(key) + 1)[0];
    case "tile":
      return rows.tile(Math.floor(Number(key) / LEVEL), Number(key) % LEVEL);
    case "issuer":
      return rows.issuer(key as Uint8Array);
    default:
      return rows[table]();
  }
}

/** How many bits of a column can be flipped: of numbers, those that JavaScript can hold. */
export function bitsOf(value: SQLInputValue): number {
  if (typeof value === "number" || value === null) return 52;
  if (typeof value === "bigint") throw new TypeError("no column of a log is that large");
  return 8 * Buffer.from(value as string | Uint8Array<ArrayBuffer>).length;
}

/** A column's value with one of its bits flipped; text as the bytes that it is made of. */
export function flipBit(value: SQLInputValue, bit: number): SQLInputValue {
  if (typeof value === "number" || value === null) return Number(BigInt(value ?? 0) ^ (1n << BigInt(bit)));
  const bytes = Buffer.from(value as string | Uint8Array<ArrayBuffer>);
  const at = Math.floor(bit / 8);
  bytes[at] = bytes[at]! ^ (1 << (bit % 8));
  return bytes;
}

/** Gives a column of a record another value, past every constraint that it is declared with. */
export function setColumn(
  database: DatabaseSync,
  { table, key, columns }: StoredRecord,
  [column, value]: readonly [string, SQLInputValue],
): void {
  const isText = typeof columns[column] === "string";
  database.exec("PRAGMA ignore_check_constraints = ON");
  database
    .prepare(`UPDATE ${table} SET ${column} = ${isText ? "CAST(? AS TEXT)" : "?"} WHERE ${KEY_OF[table]} IS ?`)
    .run(value, key);
}

/** Everything that a log's database holds, as text; two that are alike tell readers the same. */
export function contentOf(path: string): string {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const records = storedRecords(database);
    const rows = new LogRows(database);
    for (const record of records) readRecord(rows, record);
    const submissions = database.prepare("SELECT * FROM submission").all();
    return JSON.stringify([records, submissions], (_, value: unknown) =>
      ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex") : value,
    );
  } finally {
    database.close();
  }
}
