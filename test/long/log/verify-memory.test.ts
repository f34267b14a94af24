import { describe, expect, it } from "@jest/globals";
import { hash } from "node:crypto";
import { hashOfFullTile, TILE_WIDTH } from "../../../src/core/merkle/tile.ts";
import { appendToRightEdge, leafHash, rootOfRightEdge } from "../../../src/core/merkle/tree.ts";
import { packEntries } from "../../../src/tlog/entry-part.ts";
import { verifyEntries } from "../../../src/tlog/verify-entries.ts";
import { recordEvidence } from "../../support/evidence.ts";
import { textEntryJudge } from "../../support/log-entry-text.ts";

/** 3,906 full tiles of level 0 and one of 64 hashes; 15 full ones of level 1, and one of 66; one of level 2. */
const SIZE = 1_000_000;

/** Entries as large as a certificate's, made when they are asked for: nobody holds a million of them. */
const entryAt = (index: number): Uint8Array =>
  Buffer.from(`entry at ${String(index)}, ${String(index)} `.padEnd(1_500, "."));

const leafTile = (index: number): Uint8Array => {
  const first = index * TILE_WIDTH;
  const count = Math.min(TILE_WIDTH, SIZE - first);
  return Buffer.concat(Array.from({ length: count }, (_, at) => leafHash(entryAt(first + at))));
};

/** Hash tiles of the log, from level 1 on, and its root. */
function buildTree(): { readonly tiles: ReadonlyMap<string, Uint8Array>; readonly root: Uint8Array } {
  const tiles = new Map<string, Uint8Array>();
  let rightEdge: readonly Uint8Array[] = [];
  const full = Math.floor(SIZE / TILE_WIDTH);
  let hashes = Array.from({ length: full }, (_, index) => {
    const tileHash = hashOfFullTile(leafTile(index));
    rightEdge = appendToRightEdge(rightEdge, index, tileHash);
    return tileHash;
  });
  for (let level = 1; hashes.length > 0; level++) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < hashes.length; at += TILE_WIDTH) {
      const tile = Buffer.concat(hashes.slice(at, at + TILE_WIDTH));
      tiles.set(`${String(level)}/${String(at / TILE_WIDTH)}`, tile);
      if (tile.length === TILE_WIDTH * 32) above.push(hashOfFullTile(tile));
    }
    hashes = above;
  }
  const last = leafTile(full);
  for (let at = 0; at < SIZE % TILE_WIDTH; at++) {
    rightEdge = appendToRightEdge(rightEdge, full * TILE_WIDTH + at, last.subarray(at * 32, at * 32 + 32));
  }
  return { tiles, root: rootOfRightEdge(rightEdge) };
}

describe("the verification of a million entries", () => {
  it("takes no more memory at its end than at its beginning", async () => {
    const { tiles, root } = buildTree();
    const problems: unknown[] = [];
    const memory: { readonly at: number; readonly mib: number }[] = [];
    const start = performance.now();
    const tree = await verifyEntries(
      {
        size: SIZE,
        readEntries: (first, end) =>
          Promise.resolve(
            packEntries(
              first,
              Array.from({ length: end - first }, (_, at) => entryAt(first + at)),
            ),
          ),
        tileOf: (level, index) =>
          Promise.resolve(level === 0 ? leafTile(index) : tiles.get(`${String(level)}/${String(index)}`)),
        issuerOf: () => Promise.resolve(undefined),
      },
      {
        judge: textEntryJudge,
        stated: [{ where: "checkpoint", size: SIZE, root, timestampMs: SIZE }],
        onProblem: (problem) => problems.push(problem),
        onOlderEntry: (problem) => problems.push(problem),
        onTree: ({ size }) => {
          memory.push({ at: size, mib: process.memoryUsage().rss / 2 ** 20 });
          return Promise.resolve(undefined);
        },
      },
    );
    expect({ problems, size: tree.size, tiles: tree.comparedTiles }).toEqual({
      problems: [],
      size: SIZE,
      tiles: 3_907 + 16 + 1,
    });
    const highest = (from: number, to: number): number =>
      Math.max(...memory.filter(({ at }) => at > from && at <= to).map(({ mib }) => mib));
    const [early, late] = [highest(0, SIZE / 4), highest((SIZE * 3) / 4, SIZE)];
    const digest = hash("sha256", root, "hex").slice(0, 8);
    recordEvidence(
      `verified ${String(SIZE)} entries of 1.5 kB (root ${digest}) in ${((performance.now() - start) / 1_000).toFixed(0)} s: at most ${early.toFixed(0)} MiB resident in the first quarter, ${late.toFixed(0)} in the last`,
    );
    // All of the entries would be 1.4 GiB.
    expect(late).toBeLessThan(early + 48);
  }, 600_000);
});
