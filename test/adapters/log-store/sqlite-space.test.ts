import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { DatabaseSync } from "node:sqlite";
import { lockDataDirectory } from "../../../src/adapters/data-directory/lock-data-directory.ts";
import { createSqliteLog } from "../../../src/adapters/log-store/sqlite/create-sqlite-log.ts";
import { LogRows } from "../../../src/adapters/log-store/sqlite/log-rows.ts";
import { LogWriter } from "../../../src/adapters/log-store/sqlite/log-writer.ts";
import { openForWriting } from "../../../src/adapters/log-store/sqlite/open-database.ts";
import { packBatch, unpackBatch } from "../../../src/adapters/log-store/sqlite/packed-batch.ts";
import { openSqliteLogStore } from "../../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { building } from "../../contracts/log-store.ts";
import { assertLogConsistent } from "../../support/assert-log-consistent.ts";
import { canMount, makeReadOnly, mountTmpfs, type Undo } from "../../support/faults/mounts.ts";
import { itWhen } from "../../support/it-when.ts";
import { checkpointOf, makeSubmission, MANIFEST } from "../../support/log-fixtures.ts";

const isMountable = canMount();
const [itWithMount, notMountable] = itWhen(isMountable, "no right to mount");
const isRoot = process.getuid?.() === 0;
const [itReadOnly, notReadOnly] = itWhen(isMountable || !isRoot, "root without the right to mount");

let directory: string;
let path: string;
let undo: Undo[];
let fatal: MayflyError[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mayfly-space-"));
  path = join(directory, "log.db");
  undo = [];
  fatal = [];
});

afterEach(() => {
  for (const each of undo.splice(0).reverse()) each.undo();
  rmSync(directory, { recursive: true });
});

const open = (file = path): Promise<LogStore> =>
  openSqliteLogStore({ path: file, onFatal: (error) => void fatal.push(error), allowAnyFilesystem: true });

const big = (name: string) => building([makeSubmission(name, { length: 60_000 })]);

const reasonOf = async (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => "accepted",
    (error: unknown) => (error instanceof MayflyError ? error.reason : String(error)),
  );

/** Appends until there is no room; gives the texts that went in. */
async function fillUp(store: LogStore, prefix: string): Promise<string[]> {
  for (const texts: string[] = []; ; texts.push(`${prefix} ${texts.length}`)) {
    const reason = await reasonOf(store.append(big(`${prefix} ${texts.length}`)));
    if (reason === "accepted") continue;
    expect(reason).toBe("LOG_DISK_FULL");
    return texts;
  }
}

describe("[P1] a database that may not grow", () => {
  /** The writer's transactions on a database of at most so many pages more than it has. */
  function writerWith(database: DatabaseSync, pages: number): LogWriter {
    const { page_count: count } = database.prepare("PRAGMA page_count").get() as { page_count: number };
    database.exec(`PRAGMA max_page_count = ${count + pages}`);
    return new LogWriter(database);
  }

  it.each([0, 1, 2, 5, 10, 13])("by more than %i pages fails the batch, keeps the log, and takes it later", (pages) => {
    createSqliteLog(path, MANIFEST);
    const database = openForWriting(path);
    const rows = new LogRows(database);
    const batch = unpackBatch(packBatch(big("too big")(rows.head())));
    const append = (allowed: number): unknown => writerWith(database, allowed).append(batch);
    expect(() => append(pages)).toThrow(expect.objectContaining({ code: "log_unavailable", reason: "LOG_DISK_FULL" }));
    expect(database.isTransaction).toBe(false);
    expect(rows.head().size).toBe(0);
    rows.requireConsistent();
    expect(append(100)).toEqual({ kind: "committed" });
    rows.requireConsistent();
    expect(rows.head().size).toBe(1);
    database.close();
  });
});

describe("[P1] a small file system", () => {
  itWithMount(
    `that fills up refuses entries, loses none, and takes more when there is room${notMountable}`,
    async () => {
      const small = join(directory, "small");
      mkdirSync(small);
      undo.push(mountTmpfs(small, "2m"));
      const file = join(small, "log.db");
      const filler = join(small, "filler");
      createSqliteLog(file, MANIFEST);
      writeFileSync(filler, Buffer.alloc(700_000));
      const store = await open(file);
      const texts = await fillUp(store, "before");
      rmSync(filler);
      texts.push(...(await fillUp(store, "after")));
      expect(texts.filter((text) => text.startsWith("after")).length).toBeGreaterThan(2);
      expect((await store.head()).size).toBe(texts.length);
      await store.close();
      expect(fatal).toEqual([]);
      const again = await open(file);
      const head = await again.head();
      // What publishes it needs room too; the database was copied back when it was closed.
      await again.publish(checkpointOf(head));
      const entries = await (await again.snapshot()).entries(0, head.size);
      texts.forEach((text, index) => {
        expect(Buffer.from(entries[index] ?? []).toString()).toMatch(`${text} at ${index}, `);
      });
      await assertLogConsistent(again);
      await again.close();
    },
  );
});

describe("[P17] a log that cannot be written", () => {
  itReadOnly(`is refused and left as it is${notReadOnly}`, async () => {
    createSqliteLog(path, MANIFEST);
    const { mtimeMs } = statSync(path);
    undo.push(makeReadOnly(path));
    expect(await reasonOf(open())).toBe("LOG_WRITE_FAILED");
    await expect(open()).rejects.toThrow(`${path} cannot be written to`);
    expect(statSync(path).mtimeMs).toBe(mtimeMs);
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  itReadOnly(`because its directory cannot is refused, and so is the directory${notReadOnly}`, async () => {
    createSqliteLog(path, MANIFEST);
    undo.push(makeReadOnly(directory));
    await expect(open()).rejects.toThrow(/cannot be written to$/u);
    expect(() => lockDataDirectory(directory, { nowMs: 0 })).toThrow(`cannot lock ${directory}`);
  });
});
