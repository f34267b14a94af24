import type { DatabaseSync } from "node:sqlite";

/** Reads several rows as of one moment: no commit of another process or thread comes between them. */
export function readTogether<T>(database: DatabaseSync, read: () => T): T {
  database.exec("BEGIN");
  try {
    return read();
  } finally {
    database.exec("COMMIT");
  }
}
