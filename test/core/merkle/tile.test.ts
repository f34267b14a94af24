import { createHash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { auditPathSubtrees } from "../../../src/core/merkle/audit-path.ts";
import { consistencySubtrees } from "../../../src/core/merkle/consistency-proof.ts";
import {
  hashOfFullTile,
  parseTilePath,
  subtreeHash,
  tilePath,
  tilesForSubtree,
  tilesOfAppend,
  tileWidthAt,
  type Tile,
  type TileEdge,
  type TileName,
} from "../../../src/core/merkle/tile.ts";
import { leafHash, merkleTreeHash } from "../../../src/core/merkle/tree.ts";
import { readVector, toHex } from "../../support/vectors.ts";

const SEED = { seed: 20261122 };
const vector = readVector("valid/tlog-tiles.json") as {
  treeSize: number;
  root: string;
  tileSha256: Record<string, string>;
  tiles: Record<string, string>;
  paths: (TileName & { path: string })[];
};
const EMPTY: TileEdge = { size: 0, partialTiles: [] };
const leaves = Array.from({ length: 70_000 }, (_, i) => leafHash(Uint8Array.of(i >> 16, i >> 8, i)));
const short = Array.from({ length: 300 }, (_, i) => leafHash(Uint8Array.of(i >> 8, i)));

/** The tiles of a tree as a store keeps them: the widest version of each. */
function store(tiles: readonly Tile[]): Map<string, Uint8Array> {
  return new Map(tiles.map(({ level, index, hashes }) => [`${level}/${index}`, hashes]));
}

function reader(stored: ReadonlyMap<string, Uint8Array>): (level: number, index: number) => Uint8Array {
  return (level, index) => stored.get(`${level}/${index}`) ?? new Uint8Array(0);
}

const whole = store(tilesOfAppend(EMPTY, leaves).tiles);

describe("tile path", () => {
  it.each(vector.paths)("$path is written and read", ({ path, ...name }) => {
    expect(tilePath(name)).toBe(path);
    expect(parseTilePath(path)).toEqual(name);
  });

  it("is the inverse of its parser", () => {
    const index = fc.maxSafeNat();
    const width = fc.integer({ min: 1, max: 256 });
    const names: fc.Arbitrary<TileName> = fc.oneof(
      fc.record({ kind: fc.constant("hash" as const), level: fc.nat(63), index, width }),
      fc.record({ kind: fc.constant("data" as const), index, width }),
    );
    fc.assert(
      fc.property(names, (name) => {
        expect(parseTilePath(tilePath(name))).toEqual(name);
      }),
      SEED,
    );
  });

  it.each([
    "",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/x000/001",
    "tile/0/x001/x002",
    "tile/0/001/002",
    "tile/0/X001/002",
    "tile/00/001",
    "tile/64/001",
    "tile/-1/001",
    "tile/x/001",
    "tile/entries/001",
    "tile/data/001.p/0",
    "tile/data/001.p/256",
    "tile/data/001.p/01",
    "tile/data/001.p/",
    "tile/data/001.p/1/",
    "tile/data/001.p",
    "/tile/0/001",
    "tile/0/001/",
    "tile/0/001\n",
    "tile/0/../001",
    "tile/0/x999/x999/x999/x999/x999/999",
    "tile/0/x009/x007/x199/x254/x740/992",
    "tile/0/٠٠١",
    "checkpoint",
  ])("%j is no tile's", (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });

  it.each<TileName>([
    { kind: "hash", level: 64, index: 0, width: 1 },
    { kind: "hash", level: -1, index: 0, width: 1 },
    { kind: "hash", level: 0, index: -1, width: 1 },
    { kind: "data", index: 2 ** 53, width: 1 },
    { kind: "data", index: 0, width: 0 },
    { kind: "data", index: 0, width: 257 },
    { kind: "data", index: 0.5, width: 1 },
  ])("is refused for %j", (name) => {
    expect(() => tilePath(name)).toThrow(RangeError);
  });
});

describe("tile width", () => {
  it.each([
    [0, 0, 0, 0],
    [0, 0, 255, 255],
    [0, 0, 256, 256],
    [0, 1, 256, 0],
    [1, 0, 255, 0],
    [1, 0, 256, 1],
    [0, 272, 70_000, 256],
    [0, 273, 70_000, 112],
    [1, 0, 70_000, 256],
    [1, 1, 70_000, 17],
    [2, 0, 70_000, 1],
    [2, 1, 70_000, 0],
    [5, 0, 2 ** 40, 1],
    [4, 0, 2 ** 40, 256],
    [63, 0, 2 ** 40, 0],
  ])("at level %d, index %d in a tree of %d is %d", (level, index, size, width) => {
    expect(tileWidthAt(level, index, size)).toBe(width);
  });
});

describe("tiles of an append", () => {
  it("are those of Go's tlog for 300 leaves", () => {
    const { tiles } = tilesOfAppend(EMPTY, short);
    const found = new Map(
      tiles.map(({ level, index, hashes }) => [
        tilePath({ kind: "hash", level, index, width: hashes.length / 32 }),
        hashes,
      ]),
    );
    expect([...found.keys()]).toEqual(["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"]);
    for (const [path, sha256] of Object.entries(vector.tileSha256)) {
      expect(createHash("sha256").update(found.get(path)!).digest("hex")).toBe(sha256);
    }
    for (const [path, hashes] of Object.entries(vector.tiles)) expect(toHex(found.get(path)!)).toBe(hashes);
    expect(toHex(subtreeHash(0, 300, reader(store(tiles))))).toBe(vector.root);
  });

  it("are the same however the leaves came in batches", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(700), { minLength: 1, maxLength: 12 }), (batches) => {
        let edge = EMPTY;
        const stored = new Map<string, Uint8Array>();
        for (const length of batches) {
          const { tiles, after } = tilesOfAppend(edge, leaves.slice(edge.size, edge.size + length));
          for (const { level, index, hashes } of tiles) {
            const narrower = stored.get(`${level}/${index}`) ?? new Uint8Array(0);
            // A partial tile is a prefix of every wider version of itself.
            expect(toHex(hashes.subarray(0, narrower.length))).toBe(toHex(narrower));
            stored.set(`${level}/${index}`, hashes);
          }
          edge = after;
        }
        const atOnce = tilesOfAppend(EMPTY, leaves.slice(0, edge.size));
        expect([...stored].map(([key, hashes]) => [key, toHex(hashes)]).sort()).toEqual(
          [...store(atOnce.tiles)].map(([key, hashes]) => [key, toHex(hashes)]).sort(),
        );
        expect(edge.partialTiles.map(toHex)).toEqual(atOnce.after.partialTiles.map(toHex));
        expect(edge.size).toBe(atOnce.after.size);
      }),
      { ...SEED, numRuns: 40 },
    );
  });

  it("have the width that the tree's size says, at every level", () => {
    for (const [key, hashes] of whole) {
      const [level = 0, index = 0] = key.split("/").map(Number);
      expect(hashes.length / 32).toBe(tileWidthAt(level, index, leaves.length));
    }
    expect(whole.size).toBe(274 + 2 + 1);
  });

  it("are none when there are no leaves", () => {
    expect(tilesOfAppend(EMPTY, [])).toEqual({ tiles: [], after: EMPTY });
  });

  it("leave the tiles they grew from as they were", () => {
    const { after } = tilesOfAppend(EMPTY, short.slice(0, 3));
    const before = after.partialTiles.map(toHex);
    tilesOfAppend(after, short.slice(3, 9));
    expect(after.partialTiles.map(toHex)).toEqual(before);
  });

  it.each<[string, TileEdge]>([
    ["no partial tile where one must be", { size: 3, partialTiles: [] }],
    ["a partial tile too narrow", { size: 3, partialTiles: [new Uint8Array(64)] }],
    ["a partial tile too wide", { size: 3, partialTiles: [new Uint8Array(128)] }],
    ["a partial tile that is half a hash longer", { size: 3, partialTiles: [new Uint8Array(112)] }],
    ["a partial tile of an empty tree", { size: 0, partialTiles: [new Uint8Array(32)] }],
  ])("are refused over %s", (_, edge) => {
    expect(() => tilesOfAppend(edge, short.slice(0, 1))).toThrow(RangeError);
  });

  it("are refused over leaf hashes of another length", () => {
    expect(() => tilesOfAppend(EMPTY, [new Uint8Array(31)])).toThrow(RangeError);
  });

  it("hash a full tile only", () => {
    expect(toHex(hashOfFullTile(whole.get("0/0")!))).toBe(toHex(merkleTreeHash(leaves, { start: 0, end: 256 })));
    expect(() => hashOfFullTile(whole.get("0/273")!)).toThrow(RangeError);
  });
});

describe("subtree from tiles", () => {
  const sizes = fc.integer({ min: 1, max: leaves.length });

  it("has the hash that the definition gives, for every subtree a proof needs", () => {
    fc.assert(
      fc.property(sizes, sizes, (a, b) => {
        const [first, second] = a < b ? [a, b] : [b, a];
        for (const subtree of [...auditPathSubtrees(first - 1, second), ...consistencySubtrees(first, second)]) {
          const { start, end } = subtree;
          expect(toHex(subtreeHash(start, end, reader(whole)))).toBe(toHex(merkleTreeHash(leaves, subtree)));
        }
      }),
      { ...SEED, numRuns: 8 },
    );
  });

  it("needs no more of its tiles than the tree's size gives, and exactly the tiles it names", () => {
    fc.assert(
      fc.property(sizes, sizes, (a, b) => {
        const [first, second] = a < b ? [a, b] : [b, a];
        for (const { start, end } of consistencySubtrees(first, second)) {
          const read = new Set<string>();
          subtreeHash(start, end, (level, index) => {
            read.add(`${level}/${index}`);
            return reader(whole)(level, index).subarray(0, tileWidthAt(level, index, second) * 32);
          });
          expect([...read]).toEqual(tilesForSubtree(start, end).map(({ level, index }) => `${level}/${index}`));
        }
      }),
      { ...SEED, numRuns: 50 },
    );
  });

  it("takes one hash of a high tile for a large perfect subtree", () => {
    expect(tilesForSubtree(0, 2 ** 40)).toEqual([{ level: 5, index: 0 }]);
    expect(tilesForSubtree(2 ** 39, 2 ** 40)).toEqual([{ level: 4, index: 0 }]);
    expect(tilesForSubtree(2 ** 40, 2 ** 40 + 1)).toEqual([{ level: 0, index: 2 ** 32 }]);
  });

  it("is refused when a tile is too short", () => {
    const tileOf = (level: number, index: number): Uint8Array => reader(whole)(level, index).subarray(0, 43 * 32);
    expect(() => subtreeHash(0, 44, tileOf)).toThrow(expect.objectContaining({ reason: "LOG_CORRUPT" }));
  });

  it.each([
    [1, 3],
    [2, 5],
    [3, 2],
    [-1, 0],
    [0.5, 1],
    [0, 2 ** 53],
  ])("is refused for [%d, %d), which is none", (start, end) => {
    expect(() => subtreeHash(start, end, reader(whole))).toThrow(RangeError);
  });
});
