import type { DatabaseSync } from "node:sqlite";
import { rowChecksum, type ColumnValue } from "../../src/adapters/log-store/sqlite/row-checksum.ts";
import { CHECKED_COLUMNS } from "../../src/adapters/log-store/sqlite/schema.ts";
import { setColumn, storedRecords } from "./faults/stored-records.ts";

/** Gives every row of a log's database the checksum of what it holds now, as somebody would who changes rows on purpose. */
export function sealRows(database: DatabaseSync): void {
  for (const record of storedRecords(database)) {
    const values = CHECKED_COLUMNS[record.table].map((column) => record.columns[column] as ColumnValue);
    setColumn(database, record, ["checksum", rowChecksum(record.place, values)]);
  }
}
