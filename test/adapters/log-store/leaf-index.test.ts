import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { hash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LeafIndex } from "../../../src/adapters/log-store/sqlite/leaf-index.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import { makeRandom } from "../../support/crash/random.ts";

const RUN = 65_536;
/** Two runs that are full, and one that is not. */
const SIZE = 2 * RUN + 700;

const leafOf = (text: string): Uint8Array => hash("sha256", text, "buffer");

/** Hash tiles of two levels over leaves, as a log has them. */
class Tiles {
  readonly leaves: Uint8Array[];
  reads = 0;
  readonly #level1 = new Map<number, Uint8Array>();

  constructor(leaves: readonly Uint8Array[]) {
    this.leaves = [...leaves];
  }

  tile(level: number, index: number): Uint8Array | undefined {
    this.reads += 1;
    if (level === 0) return this.#leafTile(index);
    const known = this.#level1.get(index);
    if (known !== undefined) return known;
    const below = Array.from({ length: 256 }, (_, at) => this.#leafTile(index * 256 + at));
    const full = below.filter((tile) => tile?.length === 256 * 32);
    if (full.length === 0) return undefined;
    const tile = Buffer.concat(full.map((hashes) => hash("sha256", hashes!, "buffer")));
    if (full.length === 256) this.#level1.set(index, tile);
    return tile;
  }

  #leafTile(index: number): Uint8Array | undefined {
    const hashes = this.leaves.slice(index * 256, (index + 1) * 256);
    return hashes.length === 0 ? undefined : Buffer.concat(hashes);
  }
}

const LEAVES = Array.from({ length: SIZE }, (_, index) => leafOf(`leaf ${index}`));
const OTHERS = Array.from({ length: SIZE }, (_, index) => leafOf(`other ${index}`));
const SAMPLE = [0, 1, 255, 256, 65_535, RUN, RUN + 1, 2 * RUN - 1, 2 * RUN, 2 * RUN + 511, SIZE - 1];

let folder: string;
let path: string;
let tiles: Tiles;
let open: LeafIndex[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-leaves-"));
  path = join(folder, "leaf-index");
  tiles = new Tiles(LEAVES);
  open = [];
});

afterEach(() => {
  for (const index of open) index.close();
  rmSync(folder, { recursive: true });
});

function openIndex(of = tiles): LeafIndex {
  const index = new LeafIndex(path, of);
  open.push(index);
  return index;
}

/** Asks until there is an answer. */
function find(index: LeafIndex, leafHash: Uint8Array, size = SIZE): { found: number | undefined; rounds: number } {
  for (let rounds = 0; ; rounds++) {
    const found = index.find(leafHash, size);
    if (found !== "indexing") return { found, rounds };
    if (rounds > 20) throw new Error("it goes on indexing");
  }
}

/** A file that holds both runs. */
function makeFile(of = tiles): void {
  const index = openIndex(of);
  find(index, LEAVES[0]!);
  index.close();
}

function expectAllFound(index: LeafIndex): void {
  for (const at of SAMPLE) expect([at, find(index, LEAVES[at]!).found]).toEqual([at, at]);
  expect(find(index, leafOf("unknown")).found).toBeUndefined();
}

describe("an index by leaf hash", () => {
  it("finds every leaf below the size that is asked for, and no other", () => {
    const index = openIndex();
    expectAllFound(index);
    for (const size of [0, 1, 256, 257, RUN, RUN + 1, SIZE]) {
      for (const at of SAMPLE) expect(find(index, LEAVES[at]!, size).found).toBe(at < size ? at : undefined);
    }
    for (let at = 0; at < SIZE; at += 97) expect(find(index, LEAVES[at]!).found).toBe(at);
  });

  it("indexes one run at a time, so that other reads come between", () => {
    const index = openIndex();
    expect(find(index, LEAVES[9]!)).toEqual({ found: 9, rounds: 2 });
    expect(find(index, LEAVES[9]!)).toEqual({ found: 9, rounds: 0 });
  });

  it.each([[[1, 255, 256, 300, 512, 513, 700]], [[65_000, RUN - 1, RUN, RUN + 1, RUN + 300]]])(
    "grows with the log, by %j",
    (sizes) => {
      const growing = new Tiles([]);
      const index = openIndex(growing);
      expect(find(index, LEAVES[0]!, 0).found).toBeUndefined();
      for (const size of sizes) {
        growing.leaves.push(...LEAVES.slice(growing.leaves.length, size));
        for (const at of [0, size - 2, size - 1].filter((each) => each >= 0)) {
          expect(find(index, LEAVES[at]!, size).found).toBe(at);
        }
        expect(find(index, LEAVES[size]!, size).found).toBeUndefined();
      }
    },
  );

  it("takes full runs from its file when it is opened again, and belongs to its owner alone", () => {
    makeFile();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    tiles.reads = 0;
    const index = openIndex();
    expect(find(index, LEAVES[RUN + 5]!)).toEqual({ found: RUN + 5, rounds: 0 });
    // Three of the unfinished run, one of each full run, and the one in which the leaf is.
    expect(tiles.reads).toBe(3 + 2 + 1);
    expectAllFound(index);
  });

  it("compares what it finds with the tile: leaves that begin alike are told apart, and of equal ones the first counts", () => {
    const alike = (at: number): Uint8Array => LEAVES[at]!.map((byte, i) => (i < 31 ? byte : byte ^ 1));
    tiles.leaves[300] = alike(7);
    tiles.leaves[RUN + 300] = alike(8);
    tiles.leaves[SIZE - 5] = alike(SIZE - 2);
    tiles.leaves[SIZE - 1] = LEAVES[12]!;
    tiles.leaves[RUN + 1] = LEAVES[12]!;
    const index = openIndex();
    expect(find(index, alike(7)).found).toBe(300);
    expect(find(index, LEAVES[7]!).found).toBe(7);
    expect(find(index, alike(8)).found).toBe(RUN + 300);
    expect(find(index, alike(SIZE - 2)).found).toBe(SIZE - 5);
    expect(find(index, alike(9)).found).toBeUndefined();
    expect(find(index, LEAVES[12]!).found).toBe(12);
  });

  it("does not take the file of another log for its own", () => {
    makeFile(new Tiles(OTHERS));
    expectAllFound(openIndex());
  });

  it("does not take over what an older state of the log does not have", () => {
    makeFile();
    const older = new Tiles(LEAVES.slice(0, RUN + 10));
    const index = openIndex(older);
    expect(find(index, LEAVES[RUN + 9]!, RUN + 10).found).toBe(RUN + 9);
    expect(find(index, LEAVES[RUN + 10]!, RUN + 10).found).toBeUndefined();
  });

  it("serves two processes on one file", () => {
    const [one, two] = [openIndex(), openIndex()];
    for (let round = 0; round < 3; round++) for (const index of [one, two]) index.find(LEAVES[5]!, SIZE);
    expectAllFound(one);
    expectAllFound(two);
  });

  describe("whose file was damaged is made anew and answers as before:", () => {
    const sql = (text: string) => (): void => {
      const database = new DatabaseSync(path);
      database.exec(text);
      database.close();
    };

    const cutTo = (bytes: number) => (): void => {
      truncateSync(path, bytes);
    };

    it.each<[string, () => void]>([
      ["cut off", cutTo(300_000)],
      ["cut off inside a page", cutTo(5_000)],
      ["empty", cutTo(0)],
      [
        "text",
        (): void => {
          writeFileSync(path, "no index ".repeat(1000));
        },
      ],
      ["of another version", sql("PRAGMA user_version = 2")],
      ["of this version without the table", sql("DROP TABLE leaf")],
      ["without one row", sql("DELETE FROM leaf WHERE bucket = 17 AND run = 0")],
      ["without the last run of a bucket", sql("DELETE FROM leaf WHERE bucket = 17 AND run = 1")],
      ["without a run", sql("DELETE FROM leaf WHERE run = 0")],
      ["without the last run", sql("DELETE FROM leaf WHERE run = 1")],
      [
        "with rows in each other's place",
        sql(
          "UPDATE leaf SET run = -1 WHERE run = 0; UPDATE leaf SET run = 0 WHERE run = 1; UPDATE leaf SET run = 1 WHERE run = -1",
        ),
      ],
      ["with empty rows", sql("UPDATE leaf SET leaves = x''")],
    ])("%s", (_, damage) => {
      makeFile();
      damage();
      const index = openIndex();
      expectAllFound(index);
      for (let at = 0; at < SIZE; at += 997) expect(find(index, LEAVES[at]!).found).toBe(at);
    });

    it("with a flipped bit, wherever it is", () => {
      makeFile();
      const good = readFileSync(path);
      const random = makeRandom(20261122);
      for (let round = 0; round < 40; round++) {
        const bytes = Buffer.from(good);
        const at = Math.floor(random() * (round < 10 ? 200 : bytes.length));
        bytes[at] = bytes[at]! ^ (1 << Math.floor(random() * 8));
        writeFileSync(path, bytes);
        const index = openIndex();
        for (let leaf = round; leaf < SIZE; leaf += 1009) expect(find(index, LEAVES[leaf]!).found).toBe(leaf);
        index.close();
      }
    });
  });

  it("tells of a tile that is damaged, and keeps its file", () => {
    makeFile();
    const damaged = new Tiles(LEAVES);
    const failing = {
      tile: (level: number, index: number) => {
        if (level === 0 && index === 3) throw new MayflyError("LOG_CORRUPT", "tile 0/3 is not as it was written");
        return damaged.tile(level, index);
      },
    };
    const index = new LeafIndex(path, failing);
    expect(() => find(index, LEAVES[3 * 256]!)).toThrow("tile 0/3 is not as it was written");
    expect(find(index, LEAVES[4 * 256]!)).toEqual({ found: 4 * 256, rounds: 0 });
    index.close();
    const short = new LeafIndex(path, { tile: (level, at) => (at > 511 ? undefined : damaged.tile(level, at)) });
    expect(() => find(short, LEAVES[0]!)).toThrow(
      expect.objectContaining({ reason: "LOG_CORRUPT", message: "tile 0/512 is published, but missing or too short" }),
    );
    short.close();
  });

  it("says that no file can be kept, each time it is asked", () => {
    rmSync(folder, { recursive: true });
    const index = openIndex();
    for (let round = 0; round < 2; round++) {
      expect(() => find(index, LEAVES[0]!)).toThrow(expect.objectContaining({ reason: "LOG_READ_FAILED" }));
    }
    expect(existsSync(path)).toBe(false);
    // For the hook that removes it.
    folder = mkdtempSync(join(tmpdir(), "mayfly-leaves-"));
  });
});
