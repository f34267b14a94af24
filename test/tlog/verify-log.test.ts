import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createSqliteLog } from "../../src/adapters/log-store/sqlite/create-sqlite-log.ts";
import { openSqliteLogRecords } from "../../src/adapters/log-store/sqlite/open-sqlite-log-records.ts";
import { openSqliteLogStore } from "../../src/adapters/log-store/sqlite/sqlite-log-store.ts";
import type { LogRecords } from "../../src/ports/log-store.ts";
import { buildBatch } from "../../src/tlog/build-batch.ts";
import { UpperTiles } from "../../src/tlog/verify-tiles.ts";
import type { StatedTreeOfLog } from "../../src/tlog/growing-tree.ts";
import { verifyLog, type VerifiedLog } from "../../src/tlog/verify-log.ts";
import { naiveRoot } from "../support/assert-log-consistent.ts";
import { textEntryJudge } from "../support/log-entry-text.ts";
import { sealRows } from "../support/seal-rows.ts";
import { checkpointOf, CREATED_MS, makeSubmissions, MANIFEST, sha256 } from "../support/log-fixtures.ts";

const SIZE = 600;
const folder = mkdtempSync(join(tmpdir(), "mayfly-verify-"));
const pristine = join(folder, "pristine.db");
let stated: readonly StatedTreeOfLog[];

beforeAll(async () => {
  createSqliteLog(pristine, MANIFEST);
  const fail = (error: Error): never => {
    throw error;
  };
  const store = await openSqliteLogStore({ path: pristine, onFatal: fail, allowAnyFilesystem: true });
  const append = (prefix: string, count: number, at: number) =>
    store.append((head) => ({ ...buildBatch(head, CREATED_MS + at, makeSubmissions(prefix, count)), issuers: [] }));
  const first = await append("first", 250, 10);
  const second = await append("second", SIZE - 250, 20);
  await store.publish(checkpointOf(second));
  await store.close();
  stated = [
    { where: "first", ...first },
    { where: "second", ...second },
  ];
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Found {
  readonly problems: readonly string[];
  readonly verified: VerifiedLog;
  readonly progress: readonly number[];
}

/** Verifies a copy of the log on which SQL was run by somebody who knows how rows are checked, or by accident. */
async function verifyAfter(sql: string, { trees = stated, isAccident = false } = {}): Promise<Found> {
  const path = join(folder, "copy.db");
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  copyFileSync(pristine, path);
  const database = new DatabaseSync(path);
  database.exec(sql);
  if (!isAccident) sealRows(database);
  database.close();
  const { records, close } = await openSqliteLogRecords(path);
  try {
    return await verify(records, trees);
  } finally {
    await close();
  }
}

async function verify(records: LogRecords, trees: readonly StatedTreeOfLog[]): Promise<Found> {
  const problems: string[] = [];
  const progress: number[] = [];
  const verified = await verifyLog(records, {
    judge: textEntryJudge,
    stated: trees,
    onProblem: ({ where, what }) => problems.push(`${where}: ${what}`),
    onProgress: (entries) => progress.push(entries),
  });
  return { problems, verified, progress };
}

/** What every tree that holds a changed leaf says. */
const wrongRoots = (...names: string[]): string[] =>
  names.map((name) => `${name}: its root is not that of the first ${name === "first" ? 250 : SIZE} entries`);
const replaceText = (entry: number, from: string, to: string): string =>
  `UPDATE entry SET stored = CAST(replace(CAST(stored AS TEXT), '${from}', '${to}') AS BLOB) WHERE idx = ${entry};`;

describe("the verification of a log", () => {
  it("finds nothing in one that is whole, and counts what it compared", async () => {
    const { problems, verified, progress } = await verifyAfter("");
    expect({ problems, verified, progress }).toEqual({
      problems: [],
      verified: { entries: SIZE, tiles: 4 },
      progress: [256, 512, 600],
    });
  });

  it("finds nothing in an empty log", async () => {
    const path = join(folder, "empty.db");
    createSqliteLog(path, MANIFEST);
    const { records, close } = await openSqliteLogRecords(path);
    expect((await verify(records, [])).problems).toEqual([]);
    await close();
  });

  const DAMAGE: readonly [name: string, sql: string, problems: () => readonly string[]][] = [
    ["a changed entry", replaceText(3, " at ", " is "), () => ["entry 3: is no text entry"]],
    [
      "an entry that still can be read, but is another one",
      replaceText(255, ", 176722560002", ", 176722560003"),
      () => [
        "tile 0/0: hash 255 is not the one that follows from the entries",
        "entry 256: is older than the entry before it",
        ...["head", "second"].flatMap((tree) => [...wrongRoots(tree), `${tree}: is older than an entry in it`]),
        "tile 1/0: hash 0 is not the one that follows from the entries",
        "head: its right edge is not that of the entries",
      ],
    ],
    ["an entry without bytes", "UPDATE entry SET stored = x'' WHERE idx = 300;", () => ["entry 300: is empty"]],
    ["a missing entry", "DELETE FROM entry WHERE idx = 300;", () => ["entry 300: is missing"]],
    [
      "entries that changed places",
      "UPDATE entry SET idx = -1 WHERE idx = 4; UPDATE entry SET idx = 4 WHERE idx = 5; UPDATE entry SET idx = 5 WHERE idx = -1;",
      () => ["entry 4: is of another index", "entry 5: is of another index"],
    ],
    [
      "a missing tail",
      "DELETE FROM entry WHERE idx = 599;",
      () => ["entry 599: is missing", "head: counts 600 entries, but they reach to 599"],
    ],
    [
      "an entry behind the head",
      "INSERT INTO entry SELECT 600, stored, 0 FROM entry WHERE idx = 599;",
      () => ["head: counts 600 entries, but they reach to 601"],
    ],
    ["a missing tile", "DELETE FROM tile WHERE key = 1;", () => ["tile 0/1: is missing"]],
    [
      "a changed hash in a full tile",
      "UPDATE tile SET hashes = CAST(substr(hashes, 1, 64) || zeroblob(32) || substr(hashes, 97) AS BLOB) WHERE key = 0;",
      () => ["tile 0/0: hash 2 is not the one that follows from the entries"],
    ],
    [
      "a partial tile that lost its end",
      "UPDATE tile SET hashes = substr(hashes, 1, 32) WHERE key = 2;",
      () => ["tile 0/2: has 1 hashes instead of 88"],
    ],
    [
      "a changed hash in a tile of a higher level",
      "UPDATE tile SET hashes = CAST(substr(hashes, 1, 32) || zeroblob(32) AS BLOB) WHERE key = 1099511627776;",
      () => ["tile 1/0: hash 1 is not the one that follows from the entries"],
    ],
    ["a missing tile of a higher level", "DELETE FROM tile WHERE key = 1099511627776;", () => ["tile 1/0: is missing"]],
    [
      "a submission that is not in its index",
      "DELETE FROM submission WHERE idx = 17;",
      () => ["index of submissions: does not know entry 17", "index of submissions: has 599 rows for 600 entries"],
    ],
    [
      "a submission that its index takes for another entry",
      "UPDATE submission SET idx = 18 WHERE idx = 17;",
      () => ["index of submissions: leads to entry 18 instead of entry 17"],
    ],
    ...["x''", "x'00'", "zeroblob(33)"].map((key): (typeof DAMAGE)[number] => [
      `a submission whose key is ${key}`,
      `INSERT INTO submission VALUES (${key}, 17);`,
      () => [
        "index of submissions: has 1 rows whose key is not 32 bytes long",
        "index of submissions: has 601 rows for 600 entries",
      ],
    ]),
    [
      "a submission that never was one",
      "INSERT INTO submission VALUES (zeroblob(32), 17);",
      () => ["index of submissions: has 601 rows for 600 entries"],
    ],
    ["a changed root", "UPDATE head SET root = zeroblob(32);", () => wrongRoots("head")],
    [
      "a changed right edge",
      "UPDATE head SET right_edge = CAST(zeroblob(32) || substr(right_edge, 33) AS BLOB);",
      () => ["head: its right edge is not that of the entries"],
    ],
    [
      "a head that is older than its entries",
      "UPDATE head SET timestamp_ms = timestamp_ms - 15;",
      () => ["head: is older than an entry in it"],
    ],
    [
      "a head that is later than its newest entry",
      "UPDATE head SET timestamp_ms = timestamp_ms + 1;",
      () => ["head: is later than its newest entry"],
    ],
    [
      "a column of another type",
      "PRAGMA ignore_check_constraints = 1; UPDATE tile SET hashes = x'' WHERE key = 1;",
      () => ["tile 0/1: has 0 hashes instead of 256"],
    ],
  ];

  it.each(DAMAGE)("finds %s and says where it is", async (_, sql, expected) => {
    const { problems } = await verifyAfter(sql);
    expect(problems).toEqual(expected());
  });

  const damaged = (place: string): string =>
    `${place}: ${place} is not as it was written: its row has another checksum`;
  const ACCIDENTS: readonly [name: string, sql: string, problems: readonly string[]][] = [
    ["a changed entry", "UPDATE entry SET stored = zeroblob(9) WHERE idx = 300;", [damaged("entry 300")]],
    [
      "two changed entries and a missing one",
      "UPDATE entry SET checksum = 1 WHERE idx IN (300, 511); DELETE FROM entry WHERE idx = 400;",
      [damaged("entry 300"), "entry 400: is missing", damaged("entry 511")],
    ],
    [
      "entries that changed places",
      "UPDATE entry SET idx = -1 WHERE idx = 4; UPDATE entry SET idx = 4 WHERE idx = 5; UPDATE entry SET idx = 5 WHERE idx = -1;",
      [damaged("entry 4"), damaged("entry 5")],
    ],
    ["a changed tile", "UPDATE tile SET checksum = 0 WHERE key = 0;", [damaged("tile 0/0")]],
  ];

  it.each(ACCIDENTS)("finds %s by its checksum, and says which", async (_, sql, expected) => {
    const { problems } = await verifyAfter(sql, { isAccident: true });
    expect([...problems].sort()).toEqual([...expected].sort());
  });

  it("finds that an entry was replaced together with everything above it by the trees that others remember", async () => {
    const database = new DatabaseSync(pristine, { readOnly: true });
    const leaves = database
      .prepare("SELECT stored FROM entry ORDER BY idx")
      .all()
      .map(({ stored }) => stored as Uint8Array);
    database.close();
    leaves[100] = Buffer.from(
      Buffer.from(leaves[100] ?? [])
        .toString()
        .replace("first 100", "other 100"),
    );
    const hashes = leaves.map((leaf) => sha256(Buffer.concat([Uint8Array.of(0), leaf])));
    const hex = (bytes: Uint8Array): string => `x'${Buffer.from(bytes).toString("hex")}'`;
    const tiles = [0, 1].map((tile) => hashes.slice(tile * 256, tile * 256 + 256));
    const { problems } = await verifyAfter(`
      UPDATE entry SET stored = ${hex(leaves[100])} WHERE idx = 100;
      UPDATE submission SET key = ${hex(sha256(Buffer.from("other 100")))} WHERE idx = 100;
      UPDATE tile SET hashes = ${hex(Buffer.concat(tiles[0] ?? []))} WHERE key = 0;
      UPDATE tile SET hashes = ${hex(Buffer.concat(tiles.map(naiveRoot)))} WHERE key = 1099511627776;
      UPDATE head SET root = ${hex(naiveRoot(hashes))};`);
    expect(problems).toEqual([...wrongRoots("first", "second"), "head: its right edge is not that of the entries"]);
  });

  it("finds that a log is shorter than a tree that it stated", async () => {
    const trees = [{ where: "head.note", size: 700, root: new Uint8Array(32), timestampMs: 0 }];
    const { problems } = await verifyAfter("", { trees });
    expect(problems).toEqual(["head.note: states 700 entries, but the log has 600"]);
  });

  it("goes up to the head that it found first, while the log grows", async () => {
    const path = join(folder, "growing.db");
    copyFileSync(pristine, path);
    const store = await openSqliteLogStore({ path, onFatal: () => undefined, allowAnyFilesystem: true });
    const { records, close } = await openSqliteLogRecords(path);
    await store.append((head) => ({
      ...buildBatch(head, CREATED_MS + 30, makeSubmissions("third", 300)),
      issuers: [],
    }));
    expect(await verify(records, stated)).toMatchObject({ problems: [], verified: { entries: SIZE } });
    await close();
    await store.close();
  });

  it("does not take a reader that has ended for damage", async () => {
    const { records, close } = await openSqliteLogRecords(pristine);
    await close();
    await expect(verify(records, stated)).rejects.toMatchObject({ reason: "LOG_CLOSED" });
  });

  it("refuses a path where there is no log", async () => {
    await expect(openSqliteLogRecords(join(folder, "none.db"))).rejects.toMatchObject({ reason: "LOG_WRITE_FAILED" });
  });
});

describe("tiles above level 0", () => {
  it("are compared on every level, the unfinished ones at the end", async () => {
    const full = Buffer.alloc(256 * 32, 7);
    const level1 = naiveRoot(Array.from({ length: 256 }, () => full.subarray(0, 32)));
    const level2 = naiveRoot(Array.from({ length: 256 }, () => level1));
    const rows = new Map([
      ["1/0", Buffer.concat(Array.from({ length: 256 }, () => level1))],
      ["1/1", Buffer.from(level1)],
      ["2/0", Buffer.from(level2)],
    ]);
    const count = async (): Promise<{ compared: number; problems: string[] }> => {
      const problems: string[] = [];
      const tile = (level: number, index: number) => Promise.resolve(rows.get(`${String(level)}/${String(index)}`));
      const tiles = new UpperTiles(tile, ({ where, what }) => problems.push(`${where}: ${what}`));
      for (let at = 0; at < 257; at++) await tiles.add(level1);
      await tiles.end();
      return { compared: tiles.compared, problems };
    };
    expect(await count()).toEqual({ compared: 3, problems: [] });
    rows.set("2/0", Buffer.alloc(32));
    rows.delete("1/1");
    expect((await count()).problems).toEqual([
      "tile 1/1: is missing",
      "tile 2/0: hash 0 is not the one that follows from the entries",
    ]);
  });
});
