import { jest } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSqliteLog } from "../../../src/adapters/log-store/sqlite/create-sqlite-log.ts";
import { openSqliteLogStore } from "../../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import type { MayflyError } from "../../../src/core/errors.ts";
import { describeLogStore } from "../../contracts/log-store.ts";

// Every test starts threads, which takes its time on a busy machine.
jest.setTimeout(30_000);

describeLogStore("the SQLite store", async (manifest) => {
  const directory = mkdtempSync(join(tmpdir(), "mayfly-log-"));
  const path = join(directory, "log.db");
  createSqliteLog(path, manifest);
  const fatal: MayflyError[] = [];
  const onFatal = (error: MayflyError): void => void fatal.push(error);
  const store = await openSqliteLogStore({ path, onFatal, allowAnyFilesystem: true });
  return {
    store,
    fatal,
    openAgain: () => openSqliteLogStore({ path, onFatal, allowAnyFilesystem: true }),
    close: async () => {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
});
