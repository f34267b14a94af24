import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { checkAppend, type ClaimedAppend, type WrittenRows } from "../../../src/core/merkle/check-append.ts";
import { tilesOfAppend, type TileEdge } from "../../../src/core/merkle/tile.ts";
import { appendToRightEdge, rootOfRightEdge } from "../../../src/core/merkle/tree.ts";
import { naiveRoot } from "../../support/assert-log-consistent.ts";
import { sha256 } from "../../support/log-fixtures.ts";

const stored = (index: number): Uint8Array => new Uint8Array(Buffer.from(`entry ${index}`));
const leaf = (index: number): Uint8Array => sha256(Buffer.concat([Uint8Array.of(0), stored(index)]));
const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, at) => start + at);

interface Tree {
  readonly rightEdge: readonly Uint8Array[];
  readonly edge: TileEdge;
  readonly tiles: ReadonlyMap<string, Uint8Array>;
}

const EMPTY: Tree = { rightEdge: [], edge: { size: 0, partialTiles: [] }, tiles: new Map() };

/** Grows a tree to `size`, giving what a batch that did so would claim and what it would have written. */
function grow(before: Tree, size: number): { after: Tree; claim: ClaimedAppend; rows: WrittenRows } {
  const start = before.edge.size;
  const indexes = range(start, size);
  const leafHashes = indexes.map(leaf);
  const rightEdge = leafHashes.reduce((edge, hash, at) => appendToRightEdge(edge, start + at, hash), before.rightEdge);
  const { tiles, after } = tilesOfAppend(before.edge, leafHashes);
  const written = new Map(tiles.map(({ level, index, hashes }) => [`${level}/${index}`, hashes]));
  return {
    after: { rightEdge, edge: after, tiles: new Map([...before.tiles, ...written]) },
    claim: {
      previous: { size: start, rightEdge: before.rightEdge },
      head: { size, root: rootOfRightEdge(rightEdge) },
      entries: indexes.map((index) => ({ leafHash: leaf(index), storedSha256: sha256(stored(index)) })),
      tiles,
    },
    rows: {
      entry: (index) => (index < size ? stored(index) : undefined),
      tile: (level, index) => written.get(`${level}/${index}`),
      tileBefore: (level, index) => before.tiles.get(`${level}/${index}`),
    },
  };
}

describe("checkAppend", () => {
  it("accepts every batch that was built rightly, whatever the sizes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_100 }), fc.integer({ min: 1, max: 700 }), (start, count) => {
        const before = start === 0 ? EMPTY : grow(EMPTY, start).after;
        const { claim, rows } = grow(before, start + count);
        checkAppend(claim, rows);
        expect(Buffer.from(claim.head.root)).toEqual(Buffer.from(naiveRoot(range(0, start + count).map(leaf))));
      }),
      { seed: 20261122, numRuns: 25 },
    );
  });

  it("checks the first hash of tile level 2", () => {
    const before = grow(EMPTY, 65_530).after;
    const { claim, rows } = grow(before, 65_540);
    checkAppend(claim, rows);
    const wrong = (level: number, index: number): Uint8Array | undefined =>
      level === 2 ? new Uint8Array(32) : rows.tile(level, index);
    expect(() => {
      checkAppend(claim, { ...rows, tile: wrong });
    }).toThrow("level 2 differs at 0");
  });

  it("finds any single flipped bit in what was written", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 520 }),
        fc.integer({ min: 1, max: 300 }),
        fc.nat(),
        fc.integer({ min: 0, max: 7 }),
        (start, count, position, bit) => {
          const before = start === 0 ? EMPTY : grow(EMPTY, start).after;
          const { claim, rows } = grow(before, start + count);
          const victim = claim.tiles[position % claim.tiles.length]!;
          const flip = (level: number, index: number): Uint8Array | undefined => {
            const hashes = rows.tile(level, index);
            if (hashes === undefined || level !== victim.level || index !== victim.index) return hashes;
            const at = position % hashes.length;
            return hashes.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte));
          };
          expect(() => {
            checkAppend(claim, { ...rows, tile: flip });
          }).toThrow(expect.objectContaining({ reason: "LOG_CORRUPT" }));
        },
      ),
      { seed: 20261122, numRuns: 50 },
    );
  });

  const before = grow(EMPTY, 13).after;
  const good = grow(before, 20);

  it.each<[string, ClaimedAppend, Partial<WrittenRows>]>([
    ["a row that is missing", good.claim, { entry: (index) => (index === 15 ? undefined : stored(index)) }],
    ["a row that belongs elsewhere", good.claim, { entry: (index) => stored(index === 15 ? 16 : index) }],
    ["tiles that are missing", good.claim, { tile: () => undefined }],
    ["a tile that was empty before", good.claim, { tileBefore: () => undefined }],
    ["a previous edge that is too short", { ...good.claim, previous: { size: 13, rightEdge: [] } }, {}],
    [
      "a previous edge that is too long",
      { ...good.claim, previous: { size: 13, rightEdge: [...before.rightEdge, leaf(0)] } },
      {},
    ],
    [
      "a previous edge of another tree",
      { ...good.claim, previous: { size: 13, rightEdge: range(0, 3).map(leaf) } },
      {},
    ],
    ["a head of another size", { ...good.claim, head: { ...good.claim.head, size: 21 } }, {}],
    ["no entries", { ...good.claim, head: { ...good.claim.head, size: 13 }, entries: [] }, {}],
  ])("refuses %s", (_, claim, rows) => {
    expect(() => {
      checkAppend(claim, { ...good.rows, ...rows });
    }).toThrow(expect.objectContaining({ reason: "LOG_CORRUPT" }));
  });
});
