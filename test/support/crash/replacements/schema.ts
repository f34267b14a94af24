import type { DatabaseSync } from "node:sqlite";
import { createSchema as create } from "../../../../src/adapters/log-store/sqlite/schema.ts";
import type { LogManifest } from "../../../../src/ports/log-store.ts";
import { crash, crashAt, isCrashDue } from "../crash-point.ts";

export * from "../../../../src/adapters/log-store/sqlite/schema.ts";

/** Ends the process when the tables of a new log are written, or when they are committed and still in the WAL. */
export function createSchema(database: DatabaseSync, manifest: LogManifest): void {
  const exec = database.exec.bind(database);
  database.exec = (sql) => {
    if (!sql.includes("COMMIT") || !isCrashDue("before-log-commit")) {
      exec(sql);
      return;
    }
    exec(sql.replace("COMMIT;", ""));
    crash();
  };
  create(database, manifest);
  crashAt("after-log-commit");
}
