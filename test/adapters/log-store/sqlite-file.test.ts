import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createSqliteLog } from "../../../src/adapters/log-store/sqlite/create-sqlite-log.ts";
import { openSqliteLogStore } from "../../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import { WorkerClient } from "../../../src/adapters/log-store/sqlite/worker-client.ts";
import type { MayflyError } from "../../../src/core/errors.ts";
import type { LogStore, TreeHead } from "../../../src/ports/log-store.ts";
import { building } from "../../contracts/log-store.ts";
import { assertLogConsistent } from "../../support/assert-log-consistent.ts";
import { IS_SHM_IN_MEMORY } from "../../support/faults/mounts.ts";
import { itWhen } from "../../support/it-when.ts";
import { checkpointOf, makeSubmission, makeSubmissions, MANIFEST, sha256 } from "../../support/log-fixtures.ts";

// Every test starts threads, which takes its time on a busy machine.
jest.setTimeout(30_000);

describe("a log in an SQLite file", () => {
  let directory: string;
  let path: string;
  let fatal: MayflyError[];
  let open: LogStore[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "mayfly-log-"));
    path = join(directory, "log.db");
    fatal = [];
    open = [];
    createSqliteLog(path, MANIFEST);
  });

  afterEach(async () => {
    await Promise.all(open.map((store) => store.close()));
    rmSync(directory, { recursive: true });
  });

  async function openStore(file = path): Promise<LogStore> {
    const onFatal = (error: MayflyError): void => void fatal.push(error);
    const store = await openSqliteLogStore({ path: file, onFatal, allowAnyFilesystem: true });
    open.push(store);
    return store;
  }

  /** Changes the file with SQLite itself, as a test or a vandal would. */
  function change(sql: string, file = path): void {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
  }

  async function fill(store: LogStore, prefix: string, count: number): Promise<TreeHead> {
    const head = await store.append(building(makeSubmissions(prefix, count)));
    await store.publish(checkpointOf(head));
    return head;
  }

  describe("when it is made", () => {
    it("belongs to its owner alone, and leaves no WAL behind", () => {
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(existsSync(`${path}-wal`)).toBe(false);
    });

    it("does not touch a file that is there", () => {
      const file = join(directory, "precious");
      writeFileSync(file, "precious");
      expect(() => {
        createSqliteLog(file, MANIFEST);
      }).toThrow(expect.objectContaining({ reason: "LOG_WRITE_FAILED" }));
      expect(statSync(file).size).toBe(8);
      expect(readdirSync(directory).sort()).toEqual(["log.db", "precious"]);
    });

    it("leaves nothing behind when it fails", () => {
      const file = join(directory, "half.db");
      expect(() => {
        createSqliteLog(file, { ...MANIFEST, createdMs: 1.5 });
      }).toThrow(expect.objectContaining({ reason: "LOG_WRITE_FAILED" }));
      expect(readdirSync(directory)).toEqual(["log.db"]);
    });

    it("takes nothing over from one that was not finished", async () => {
      const file = join(directory, "next.db");
      createSqliteLog(`${file}.new`, { ...MANIFEST, origin: "log.test/unfinished" });
      writeFileSync(`${file}.new-wal`, "left over");
      createSqliteLog(file, MANIFEST);
      expect((await (await openStore(file)).manifest()).origin).toBe(MANIFEST.origin);
      expect(readdirSync(directory).filter((name) => name.includes(".new"))).toEqual([]);
    });
  });

  it("is the same log when it is opened again", async () => {
    const store = await openStore();
    const head = await fill(store, "kept", 300);
    await store.close();
    const again = await openStore();
    expect(await again.head()).toEqual(head);
    expect(await again.published()).toEqual(checkpointOf(head));
    expect(await again.indexOfSubmission(sha256(Buffer.from("kept 299")))).toBe(299);
    await fill(again, "more", 300);
    expect((await assertLogConsistent(again)).size).toBe(600);
  });

  it("keeps what was committed but not published", async () => {
    const store = await openStore();
    const head = await store.append(building(makeSubmissions("x", 5)));
    await store.close();
    const again = await openStore();
    expect(await again.head()).toEqual(head);
    expect(await again.published()).toBeUndefined();
  });

  it("cannot be forked by two processes that write at the same time", async () => {
    const [one, two] = [await openStore(), await openStore()];
    const rounds = Array.from({ length: 8 }, (_, at) => [
      one.append(building(makeSubmissions(`one ${at}`, 3))),
      two.append(building(makeSubmissions(`two ${at}`, 50))),
    ]);
    await Promise.all(rounds.flat());
    expect(await one.head()).toEqual(await two.head());
    expect((await one.head()).size).toBe(8 * 53);
    await one.publish(checkpointOf(await one.head()));
    await assertLogConsistent(two);
    expect(fatal).toEqual([]);
  });

  it("keeps a submission unique over two processes", async () => {
    const [one, two] = [await openStore(), await openStore()];
    const both = await Promise.allSettled([one, two].map((store) => store.append(building([makeSubmission("same")]))));
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await one.head()).size).toBe(1);
  });

  it("copies the WAL back while it is open, so that the file alone holds nearly everything", async () => {
    const store = await openStore();
    const big = Array.from({ length: 200 }, (_, at) => makeSubmission(`big ${at}`, { length: 400_000 }));
    const head = await store.append(building(big));
    await store.publish(checkpointOf(head));
    // The copy is made after the answer; the next answer comes after the copy.
    await store.publish(checkpointOf(head, head.timestampMs + 1));
    expect(statSync(path).size).toBeGreaterThan(80_000_000);
  });

  it("is opened for readers by the first of them, who can ask again when that failed", async () => {
    const store = await openStore();
    const { size } = await fill(store, "a", 2);
    renameSync(path, `${path}.away`);
    await expect(store.snapshot()).rejects.toMatchObject({ code: "log_failed" });
    renameSync(`${path}.away`, path);
    const snapshot = await store.snapshot();
    expect(snapshot.checkpoint.size).toBe(size);
    expect(await snapshot.entries(0, size)).toHaveLength(size);
    expect(fatal).toEqual([]);
  });

  describe("refuses to open", () => {
    it("a file that does not exist, and makes none", async () => {
      const missing = join(directory, "missing.db");
      await expect(openStore(missing)).rejects.toMatchObject({ reason: "LOG_WRITE_FAILED" });
      expect(existsSync(missing)).toBe(false);
    });

    it("[P17] a symbolic link", async () => {
      const link = join(directory, "link.db");
      symlinkSync(path, link);
      await expect(openStore(link)).rejects.toMatchObject({ reason: "LOG_WRITE_FAILED" });
    });

    it("a file that is no database", async () => {
      const file = join(directory, "text.db");
      writeFileSync(file, "no database ".repeat(1_000));
      await expect(openStore(file)).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
    });

    const [itInMemory, skipped] = itWhen(IS_SHM_IN_MEMORY, "no tmpfs at /dev/shm");
    itInMemory(`a file system that forgets, unless it is told not to mind${skipped}`, async () => {
      const shared = mkdtempSync("/dev/shm/mayfly-log-");
      try {
        const file = join(shared, "log.db");
        createSqliteLog(file, MANIFEST);
        const options = { path: file, onFatal: () => undefined };
        await expect(openSqliteLogStore(options)).rejects.toThrow("is on tmpfs");
        const store = await openSqliteLogStore({ ...options, allowAnyFilesystem: true });
        await store.close();
      } finally {
        rmSync(shared, { recursive: true });
      }
    });

    it.each([
      ["a database of another application", "PRAGMA application_id = 42"],
      ["a log of another format", "PRAGMA user_version = 2"],
      ["a log without its head", "DELETE FROM head"],
      ["a log whose root was changed", "UPDATE head SET root = zeroblob(32)"],
      ["a log whose right edge was changed", "UPDATE head SET right_edge = zeroblob(length(right_edge))"],
      ["a log whose size was changed", "UPDATE head SET size = size - 1"],
      ["a log that lost its last entry", "DELETE FROM entry WHERE idx = 299"],
      ["a log that lost a tile of its right edge", "DELETE FROM tile WHERE key = 1"],
      ["a log whose tile was changed", "UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE key = 1"],
      ["a log that published another tree", "UPDATE published SET root = zeroblob(32)"],
    ])("%s", async (_, sql) => {
      const store = await openStore();
      await fill(store, "x", 300);
      await store.close();
      change(sql);
      await expect(openStore()).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
      expect(fatal).toEqual([]);
    });

    it("a log that published more than it holds", async () => {
      const store = await openStore();
      await fill(store, "x", 3);
      const copy = join(directory, "copy.db");
      await store.close();
      copyFileSync(path, copy);
      change("UPDATE published SET size = 4", copy);
      await expect(openStore(copy)).rejects.toMatchObject({ reason: "LOG_ROLLED_BACK" });
    });

    it("a file that was cut off", async () => {
      const store = await openStore();
      await fill(store, "x", 300);
      await store.close();
      truncateSync(path, 8_192);
      await expect(openStore()).rejects.toMatchObject({ code: "log_failed" });
    });
  });

  describe("when the database misbehaves", () => {
    it.each([
      [
        "an entry",
        "CREATE TRIGGER flip AFTER INSERT ON entry BEGIN UPDATE entry SET stored = zeroblob(8) WHERE idx = NEW.idx; END",
      ],
      [
        "a tile",
        "CREATE TRIGGER flip AFTER INSERT ON tile BEGIN UPDATE tile SET hashes = zeroblob(length(hashes)); END",
      ],
      ["the head", "CREATE TRIGGER flip AFTER UPDATE OF size ON head BEGIN UPDATE head SET root = zeroblob(32); END"],
    ])("[P11] finds that it wrote %s wrongly, rolls back and ends", async (_, trigger) => {
      change(trigger);
      const store = await openStore();
      await expect(store.append(building(makeSubmissions("x", 5)))).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
      expect(fatal.map(({ reason }) => reason)).toEqual(["LOG_CORRUPT"]);
      await store.close();
      expect((await (await openStore()).head()).size).toBe(0);
    });

    it("goes on after a write that failed before COMMIT", async () => {
      change("CREATE TRIGGER full BEFORE INSERT ON entry WHEN NEW.idx = 4 BEGIN SELECT RAISE(ABORT, 'full'); END");
      const store = await openStore();
      const refused = store.append(building(makeSubmissions("x", 5)));
      await expect(refused).rejects.toMatchObject({ reason: "LOG_WRITE_FAILED" });
      await expect(refused).rejects.toThrow("full");
      await fill(store, "x", 4);
      expect((await assertLogConsistent(store)).size).toBe(4);
      expect(fatal).toEqual([]);
    });

    it("goes on after a write that rolled itself back", async () => {
      change("CREATE TRIGGER full BEFORE INSERT ON entry WHEN NEW.idx = 4 BEGIN SELECT RAISE(ROLLBACK, 'full'); END");
      const store = await openStore();
      const refused = store.append(building(makeSubmissions("x", 5)));
      await expect(refused).rejects.toMatchObject({ reason: "LOG_WRITE_FAILED" });
      await fill(store, "x", 4);
      expect((await assertLogConsistent(store)).size).toBe(4);
    });

    it("ends when COMMIT itself fails, because nobody knows what it did", async () => {
      change(`
        CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT;
        CREATE TABLE child (id INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED) STRICT;
        CREATE TRIGGER late AFTER INSERT ON entry BEGIN INSERT INTO child VALUES (NEW.idx); END;
      `);
      const store = await openStore();
      const lost = store.append(building(makeSubmissions("x", 5)));
      await expect(lost).rejects.toMatchObject({ reason: "LOG_OUTCOME_UNKNOWN" });
      expect(fatal.map(({ reason }) => reason)).toEqual(["LOG_OUTCOME_UNKNOWN"]);
      await expect(store.published()).rejects.toMatchObject({ reason: "LOG_CLOSED" });
    });

    it("fails a batch when another process holds the file for too long", async () => {
      const store = await openStore();
      const other = new DatabaseSync(path);
      other.exec("BEGIN IMMEDIATE");
      const refused = store.append(building(makeSubmissions("x", 1)));
      await expect(refused).rejects.toMatchObject({ code: "log_unavailable", reason: "LOG_BUSY" });
      other.exec("ROLLBACK");
      other.close();
      await fill(store, "x", 1);
    });
  });
});

describe("the client of a worker", () => {
  interface Calls {
    readonly [name: string]: (argument: never) => unknown;
    readonly double: (value: number) => number;
    readonly crash: (nothing: undefined) => void;
  }

  const url = new URL("../../support/crashing-worker.ts", import.meta.url);

  it("rejects what is under way when the worker crashes, and tells so once", async () => {
    const ends: MayflyError[] = [];
    const client = new WorkerClient<Calls>(url, (error) => void ends.push(error));
    expect(await client.call("double", 21)).toBe(42);
    const results = await Promise.allSettled([client.call("crash", undefined), client.call("double", 2)]);
    expect(results).toMatchObject(results.map(() => ({ reason: { reason: "LOG_OUTCOME_UNKNOWN" } })));
    await expect(client.call("double", 3)).rejects.toMatchObject({ reason: "LOG_OUTCOME_UNKNOWN" });
    await client.close();
    expect(ends).toHaveLength(1);
  });

  it("does not take its own end for a crash", async () => {
    const ends: MayflyError[] = [];
    const client = new WorkerClient<Calls>(url, (error) => void ends.push(error));
    const last = client.call("double", 4);
    await client.close();
    expect(await last).toBe(8);
    await expect(client.call("double", 5)).rejects.toMatchObject({ reason: "LOG_CLOSED" });
    expect(ends).toEqual([]);
  });

  it("reports a worker that cannot even be loaded", async () => {
    const ended = Promise.withResolvers<MayflyError>();
    const client = new WorkerClient<Calls>(new URL("./no-such-worker.ts", import.meta.url), ended.resolve);
    await expect(client.call("double", 1)).rejects.toMatchObject({ reason: "LOG_OUTCOME_UNKNOWN" });
    await ended.promise;
    await client.close();
  });
});
