import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
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
import { sealRows } from "../../support/seal-rows.ts";
import {
  checkpointOf,
  makeIssuer,
  makeSubmission,
  makeSubmissions,
  MANIFEST,
  sha256,
} from "../../support/log-fixtures.ts";

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

  /** Changes the file as somebody would who knows how it is checked. */
  function forge(sql: string, file = path): void {
    const database = new DatabaseSync(file);
    database.exec(sql);
    sealRows(database);
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

  describe("gives out no record that is damaged", () => {
    const issuers = ["one", "two"].map((name) => makeIssuer(name));
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
    const swapTiles = `
      CREATE TEMP TABLE kept AS SELECT * FROM tile WHERE key < 2;
      UPDATE tile SET (hashes, checksum) = (SELECT hashes, checksum FROM kept WHERE kept.key = 1 - tile.key) WHERE key < 2;`;

    beforeEach(async () => {
      const store = await openStore();
      const head = await store.append(building(makeSubmissions("x", 600), issuers));
      await store.publish(checkpointOf(head));
      await store.close();
    });

    const read = {
      entries: (store: LogStore) => async (start: number, end: number) => (await store.snapshot()).entries(start, end),
      tile: (store: LogStore) => async (level: number, index: number) => (await store.snapshot()).tile(level, index),
    };

    it.each<[string, string, string, readonly [number, number][], readonly [number, number][]]>([
      [
        "a changed entry",
        "UPDATE entry SET stored = CAST(stored || x'00' AS BLOB) WHERE idx = 17",
        "entry 17 is not as it was written: its row has another checksum",
        [
          [17, 18],
          [0, 256],
          [17, 300],
        ],
        [
          [0, 17],
          [18, 600],
        ],
      ],
      [
        "a changed checksum",
        "UPDATE entry SET checksum = checksum + 1 WHERE idx = 599",
        "entry 599 is not as it was written: its row has another checksum",
        [
          [599, 600],
          [512, 600],
        ],
        [[512, 599]],
      ],
      [
        "a missing entry",
        "DELETE FROM entry WHERE idx = 300",
        "entry 300 is missing",
        [
          [256, 512],
          [299, 302],
        ],
        [
          [256, 300],
          [301, 600],
        ],
      ],
      [
        "a missing entry, which is asked for alone",
        "DELETE FROM entry WHERE idx = 300",
        "entry 300 is published, but missing or too short",
        [
          [300, 301],
          [299, 301],
        ],
        [[299, 300]],
      ],
      [
        "entries in each other's place",
        "UPDATE entry SET idx = -1 WHERE idx = 4; UPDATE entry SET idx = 4 WHERE idx = 5; UPDATE entry SET idx = 5 WHERE idx = -1",
        "entry 4 is not as it was written: its row has another checksum",
        [[0, 10]],
        [
          [0, 4],
          [6, 10],
        ],
      ],
    ])("%s", async (_, sql, message, refused, given) => {
      change(sql);
      const entries = read.entries(await openStore());
      for (const [start, end] of refused) {
        await expect(entries(start, end)).rejects.toMatchObject({ code: "log_failed", reason: "LOG_CORRUPT", message });
      }
      for (const [start, end] of given) expect(await entries(start, end)).toHaveLength(end - start);
      expect(fatal).toEqual([]);
    });

    it.each<[string, string, string]>([
      ["a changed tile", "UPDATE tile SET hashes = zeroblob(8192) WHERE key = 0", "tile 0/0 is not as it was written"],
      ["a missing tile", "DELETE FROM tile WHERE key = 0", "tile 0/0 is published, but missing"],
      ["tiles in each other's place", swapTiles, "tile 0/0 is not as it was written"],
    ])("%s", async (_, sql, message) => {
      change(sql);
      const tile = read.tile(await openStore());
      await expect(tile(0, 0)).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
      await expect(tile(0, 0)).rejects.toThrow(message);
      expect(await tile(0, 2)).toHaveLength(88 * 32);
      expect(fatal).toEqual([]);
    });

    it("a changed issuer, or one in another's place", async () => {
      const [one, two] = issuers.map(({ fingerprint }) => fingerprint);
      change(`UPDATE issuer SET der = (SELECT der FROM issuer WHERE fingerprint = x'${hex(two!)}')`);
      const snapshot = await (await openStore()).snapshot();
      await expect(snapshot.issuer(one!)).rejects.toMatchObject({
        reason: "LOG_CORRUPT",
        message: `issuer ${hex(one!)} is not as it was written: its row has another checksum`,
      });
      expect(await snapshot.issuer(two!)).toHaveLength(issuers[1]!.der.length);
    });

    it("a page that SQLite cannot read", async () => {
      const database = new DatabaseSync(path);
      const { page } = database.prepare("SELECT rootpage AS page FROM sqlite_schema WHERE name = 'entry'").get() as {
        page: number;
      };
      database.close();
      const bytes = readFileSync(path);
      bytes[(page - 1) * 4096] = 0;
      writeFileSync(path, bytes);
      const failure = await openStore().catch((error: unknown) => error);
      expect(failure).toMatchObject({ reason: "LOG_CORRUPT" });
      expect((failure as MayflyError).message).toMatch(/^entries cannot be read: .*malformed/u);
    });

    it("[D6] and continues no head that is damaged while it is open", async () => {
      const store = await openStore();
      change("UPDATE head SET timestamp_ms = timestamp_ms + 1");
      const append = store.append(building([makeSubmission("late")]));
      await expect(append).rejects.toMatchObject({ reason: "LOG_CORRUPT", message: expect.stringMatching(/^head /u) });
      expect(fatal.map(({ reason }) => reason)).toEqual(["LOG_CORRUPT"]);
    });

    it.each([
      ["a damaged published checkpoint", "UPDATE published SET size = size - 1", "publish"],
      ["a damaged head", "UPDATE head SET size = size + 1", "publish"],
      ["a damaged head", "UPDATE head SET size = size + 1", "freeze"],
    ] as const)("and publishes nothing over %s: %s", async (_, sql, how) => {
      const store = await openStore();
      const head = await store.head();
      change(sql);
      await expect(store[how](checkpointOf(head, head.timestampMs + 1))).rejects.toMatchObject({
        reason: "LOG_CORRUPT",
      });
      expect(fatal).toHaveLength(1);
    });

    it("and adds nothing to a tile that is damaged", async () => {
      const store = await openStore();
      change("UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE key = 2");
      await expect(store.append(building([makeSubmission("late")]))).rejects.toMatchObject({
        reason: "LOG_CORRUPT",
        message: expect.stringMatching(/^tile 0\/2 /u),
      });
      expect(fatal).toHaveLength(1);
    });
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
      forge(sql);
      await expect(openStore()).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
      expect(fatal).toEqual([]);
    });

    it.each([
      ["manifest", "UPDATE manifest SET created_ms = created_ms + 1"],
      ["manifest", "UPDATE manifest SET checksum = checksum - 1"],
      ["head", "UPDATE head SET timestamp_ms = timestamp_ms + 1"],
      ["head", "UPDATE head SET frozen_ms = 1"],
      ["head", "UPDATE head SET size = size - 1"],
      ["head", "PRAGMA ignore_check_constraints = ON; UPDATE head SET root = substr(root, 1, 31)"],
      ["published checkpoint", "UPDATE published SET note = note || ' '"],
      ["published checkpoint", "UPDATE published SET timestamp_ms = timestamp_ms + 1"],
      ["tile 0/1", "UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE key = 1"],
      ["tile 0/1", "UPDATE tile SET hashes = (SELECT hashes FROM tile WHERE key = 0) WHERE key = 1"],
      ["tile 1/0", "UPDATE tile SET hashes = CAST(hashes || x'00' AS BLOB) WHERE key = 1 << 40"],
    ])("a log whose %s is damaged, naming it: %s", async (place, sql) => {
      const store = await openStore();
      await fill(store, "x", 300);
      await store.close();
      change(sql);
      await expect(openStore()).rejects.toMatchObject({
        reason: "LOG_CORRUPT",
        message: `${place} is not as it was written: its row has another checksum`,
      });
      expect(fatal).toEqual([]);
    });

    it.each(["manifest", "head"])("a log without its %s, naming it", async (table) => {
      change(`DELETE FROM ${table}`);
      await expect(openStore()).rejects.toMatchObject({ reason: "LOG_CORRUPT", message: `${table} is missing` });
    });

    it.each([
      ["at another time", "UPDATE published SET timestamp_ms = timestamp_ms + 1"],
      ["without a checkpoint", "DELETE FROM published"],
    ])("a log that is frozen %s", async (_, sql) => {
      const store = await openStore();
      const head = await fill(store, "x", 3);
      await store.freeze(checkpointOf(head, head.timestampMs + 1));
      await store.close();
      forge(sql);
      await expect(openStore()).rejects.toMatchObject({
        reason: "LOG_CORRUPT",
        message: "the log is frozen, but its last checkpoint is not the published one",
      });
    });

    it.each([
      ["entry", "idx INTEGER PRIMARY KEY", "idx INTEGER PRIMARY KEY CHECK (idx >= 0)"],
      ["head", "CHECK (id = 1)", "CHECK (id = 0)"],
    ])("a log whose table %s is defined otherwise", async (table, from, to) => {
      const edit = `UPDATE sqlite_schema SET sql = replace(sql, '${from}', '${to}') WHERE name = '${table}'`;
      const database = new DatabaseSync(path, { defensive: false });
      database.exec(`PRAGMA writable_schema = ON; ${edit}`);
      database.close();
      await expect(openStore()).rejects.toMatchObject({
        reason: "LOG_CORRUPT",
        message: `table ${table} of the log's database is not defined as it was made`,
      });
    });

    it("a log that published more than it holds", async () => {
      const store = await openStore();
      await fill(store, "x", 3);
      const copy = join(directory, "copy.db");
      await store.close();
      copyFileSync(path, copy);
      forge("UPDATE published SET size = 4", copy);
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
