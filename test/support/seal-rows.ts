import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { PLACE } from "../../src/adapters/log-store/sqlite/place.ts";
import { rowChecksum, type ColumnValue } from "../../src/adapters/log-store/sqlite/row-checksum.ts";
import { CHECKED_COLUMNS } from "../../src/adapters/log-store/sqlite/schema.ts";

type Columns = Readonly<Record<string, SQLInputValue>>;
type Table = keyof typeof CHECKED_COLUMNS;

const KEY: Readonly<Record<Table, string>> = {
  manifest: "id",
  head: "id",
  published: "id",
  entry: "idx",
  tile: "key",
  issuer: "fingerprint",
};

const TILE_LEVEL = 2 ** 40;

function placeOf(table: Table, key: SQLInputValue): string {
  switch (table) {
    case "manifest":
    case "head":
    case "published":
      return PLACE[table];
    case "entry":
      return PLACE.entry(Number(key));
    case "tile":
      return PLACE.tile(Math.floor(Number(key) / TILE_LEVEL), Number(key) % TILE_LEVEL);
    case "issuer":
      return PLACE.issuer(key as Uint8Array);
  }
}

/** Gives every row of a log's database the checksum of what it holds now, as somebody would who changes rows on purpose. */
export function sealRows(database: DatabaseSync): void {
  for (const table of Object.keys(CHECKED_COLUMNS) as Table[]) {
    const update = database.prepare(`UPDATE ${table} SET checksum = ? WHERE ${KEY[table]} IS ?`);
    for (const row of database.prepare(`SELECT * FROM ${table}`).all() as Columns[]) {
      const key = row[KEY[table]]!;
      const values = CHECKED_COLUMNS[table].map((column) => row[column] as ColumnValue);
      update.run(rowChecksum(placeOf(table, key), values), key);
    }
  }
}
