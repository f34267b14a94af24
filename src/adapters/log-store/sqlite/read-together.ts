import type { DatabaseSync } from "node:sqlite";

/**
 * Reads several rows as of one moment: no commit of another process or thread comes between them.
 *
 * @throws what `read` throws, also where SQLite has ended the transaction over it
 */
export function readTogether<T>(database: DatabaseSync, read: () => T): T {
  database.exec("BEGIN");
  let rows: T;
  try {
    rows = read();
  } catch (error) {
    rollBack(database);
    throw error;
  }
  database.exec("COMMIT");
  return rows;
}

/** The error that led here says more than one of this; a transaction that stays open makes the next BEGIN fail. */
function rollBack(database: DatabaseSync): void {
  try {
    if (database.isTransaction) database.exec("ROLLBACK");
  } catch {
    // See above.
  }
}
