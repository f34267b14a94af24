import type { DatabaseSync } from "node:sqlite";
import type { LogRecords } from "../../../ports/log-store.ts";
import type { LogRows } from "./log-rows.ts";
import { readTogether } from "./read-together.ts";

/** What {@link LogRecords} is as of one moment. */
export type LogState = Pick<LogRecords, "manifest" | "head" | "published" | "endOfEntries">;

/** Reads what a log says of itself, all of it as of one moment. */
export function readLogState(database: DatabaseSync, rows: LogRows): LogState {
  return readTogether(database, () => ({
    manifest: rows.manifest(),
    head: rows.head(),
    published: rows.published(),
    endOfEntries: rows.endOfEntries(),
  }));
}
