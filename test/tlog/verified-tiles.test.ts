import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { verifyInclusion } from "../../src/core/merkle/audit-path.ts";
import { verifyConsistency } from "../../src/core/merkle/consistency-proof.ts";
import { tileWidthAt } from "../../src/core/merkle/tile.ts";
import { merkleTreeHash } from "../../src/core/merkle/tree.ts";
import { readAuditPath, readConsistencyProof } from "../../src/tlog/log-reader.ts";
import { openVerifiedTiles } from "../../src/tlog/verified-tiles.ts";
import { makeMemorySource } from "../support/memory-source.ts";
import { sha256 } from "../support/log-fixtures.ts";
import { makeTiledLog, type TiledLog } from "../support/tiled-log.ts";
import { flipBit, toHex } from "../support/vectors.ts";

/** One full tile of level 1 and a bit more show every kind of parent. Nobody reads entries here, so there are only leaves. */
const LARGE = logOfLeaves(65_536 + 300);

function logOfLeaves(size: number): TiledLog {
  const leafHashes = Array.from({ length: size }, (_, at) => sha256(Buffer.from(`leaf ${at}`)));
  return { ...makeTiledLog(1), size, leafHashes, root: merkleTreeHash(leafHashes) };
}

const treeOf = (size: number): { size: number; root: Uint8Array } => ({
  size,
  root: size === LARGE.size ? LARGE.root : merkleTreeHash(LARGE.leafHashes.slice(0, size)),
});

const OTHER = expect.objectContaining({ code: "log_failed", reason: "SOURCE_INVALID" });

describe("tiles under a root that is trusted", () => {
  it.each([0, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_792, 65_836])(
    "are given for a tree of %d entries as it has them",
    async (size) => {
      const tiles = await openVerifiedTiles(makeMemorySource(LARGE), treeOf(size));
      for (let level = 0; level < 4; level++) {
        const count = Math.ceil(Math.floor(size / 256 ** level) / 256);
        for (const index of [0, count - 2, count - 1, count]) {
          if (index < 0) continue;
          const width = tileWidthAt(level, index, size);
          expect((await tiles.tile(level, index))?.length).toBe(width === 0 ? undefined : width * 32);
          if (level > 0) continue;
          const leaves = LARGE.leafHashes.slice(index * 256, index * 256 + width);
          const full = width === 256 ? toHex(merkleTreeHash(leaves)) : undefined;
          const stated = await tiles.fullTileHash(index);
          expect(stated === undefined ? undefined : toHex(stated)).toBe(full);
        }
      }
    },
  );

  it("give every proof, for any leaf and any earlier tree", async () => {
    const { size, root } = LARGE;
    const tiles = await openVerifiedTiles(makeMemorySource(LARGE), { size, root });
    await fc.assert(
      fc.asyncProperty(fc.nat(size - 1), fc.integer({ min: 1, max: size }), async (leafIndex, first) => {
        const path = await readAuditPath(tiles, leafIndex);
        verifyInclusion({ leafHash: LARGE.leafHashes[leafIndex]!, leafIndex, treeSize: size, root }, path);
        verifyConsistency(treeOf(first), { size, root }, await readConsistencyProof(tiles, first));
      }),
      { seed: 20261122, numRuns: 15 },
    );
  });

  it("are read once while they are in use", async () => {
    const source = makeMemorySource(LARGE);
    const tiles = await openVerifiedTiles(source, treeOf(LARGE.size));
    await Promise.all([tiles.tile(0, 5), tiles.tile(0, 5), tiles.tile(0, 6)]);
    await tiles.tile(0, 5);
    expect([...source.asked].sort()).toEqual([...new Set(source.asked)].sort());
    const before = source.asked.length;
    for (let index = 10; index < 80; index++) await tiles.tile(0, index);
    await tiles.tile(0, 79);
    expect(source.asked).toHaveLength(before + 70);
    await tiles.tile(0, 5);
    expect(source.asked).toHaveLength(before + 71);
  });

  const edge = (question: string) => async (): Promise<unknown> => {
    const source = makeMemorySource(LARGE);
    source.change = (asked, bytes) => (asked === question ? flipBit(bytes, 8 * bytes.length - 1) : bytes);
    return openVerifiedTiles(source, treeOf(LARGE.size));
  };
  it.each<[string, () => Promise<unknown>]>([
    ["a bit of the partial tile of level 0", edge("tile 0/257")],
    ["a bit of the partial tile of level 1", edge("tile 1/1")],
    ["a bit of the partial tile of level 2", edge("tile 2/0")],
    ["another tree of the size", () => openVerifiedTiles(makeMemorySource(LARGE), { size: 700, root: LARGE.root })],
    ["a tree of nothing with a root", () => openVerifiedTiles(makeMemorySource(LARGE), { size: 0, root: LARGE.root })],
  ])("are not opened with %s", async (_, open) => {
    await expect(open()).rejects.toThrow(OTHER);
  });

  it.each<[string, (bytes: Uint8Array) => Uint8Array | undefined]>([
    ["a bit turned in its first hash", (bytes) => flipBit(bytes, 0)],
    ["a bit turned in its last hash", (bytes) => flipBit(bytes, 8 * bytes.length - 1)],
    [
      "two hashes swapped",
      (bytes) => Buffer.concat([bytes.subarray(32, 64), bytes.subarray(0, 32), bytes.subarray(64)]),
    ],
    ["a hash less", (bytes) => bytes.subarray(32)],
    ["a byte more", (bytes) => Buffer.concat([bytes, Uint8Array.of(0)])],
    ["no bytes", () => new Uint8Array(0)],
    ["no tile", () => undefined],
  ])("are refused with %s, at each level, and only there", async (_, change) => {
    for (const question of ["tile 0/7", "tile 1/0"]) {
      const source = makeMemorySource(LARGE);
      const tiles = await openVerifiedTiles(source, treeOf(LARGE.size));
      source.change = (asked, bytes) => (asked === question ? change(bytes) : bytes);
      await expect(tiles.tile(0, 7)).rejects.toThrow(OTHER);
      expect(await tiles.tile(0, 256)).toHaveLength(8192);
      // A failure is not remembered.
      source.change = (_asked, bytes) => bytes;
      expect(await tiles.tile(0, 7)).toHaveLength(8192);
    }
  });

  it("cannot be had of a log without tiles", async () => {
    const source = { ...makeMemorySource(LARGE), tile: () => Promise.resolve(undefined) };
    await expect(openVerifiedTiles(source, treeOf(3))).rejects.toThrow(/offers no tiles/u);
  });
});
