import { MayflyError } from "../core/errors.ts";
import { auditPathSubtrees } from "../core/merkle/audit-path.ts";
import { consistencySubtrees } from "../core/merkle/consistency-proof.ts";
import { subtreeHash, tilesForSubtree } from "../core/merkle/tile.ts";
import type { Subtree } from "../core/merkle/tree.ts";

/** Hash tiles up to a checkpoint, wherever they come from: a snapshot of our own store, or another log's verified tiles. */
export interface TreeTiles {
  readonly checkpoint: { readonly size: number };
  /**
   * @returns up to 256 hashes of 32 bytes; undefined when the checkpoint covers none of it
   */
  tile(level: number, index: number): Promise<Uint8Array | undefined>;
}

/**
 * Audit path of leaf `leafIndex` in the tree of the first `treeSize` leaves (RFC 6962 §2.1.1), from hash tiles.
 *
 * @param treeSize at most the size of the tiles' checkpoint
 * @throws RangeError unless 0 ≤ leafIndex < treeSize ≤ the checkpoint's size
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when a published tile is missing or short
 */
export async function readAuditPath(
  tiles: TreeTiles,
  leafIndex: number,
  treeSize = tiles.checkpoint.size,
): Promise<readonly Uint8Array[]> {
  requirePublished(tiles, treeSize);
  return readSubtrees(tiles, auditPathSubtrees(leafIndex, treeSize));
}

/**
 * Proof that the tree of the first `second` leaves continues the tree of the first `first` (RFC 6962 §2.1.2), from hash
 * tiles.
 *
 * @param second at most the size of the tiles' checkpoint
 * @throws RangeError unless 0 < first ≤ second ≤ the checkpoint's size
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when a published tile is missing or short
 */
export async function readConsistencyProof(
  tiles: TreeTiles,
  first: number,
  second = tiles.checkpoint.size,
): Promise<readonly Uint8Array[]> {
  requirePublished(tiles, second);
  return readSubtrees(tiles, consistencySubtrees(first, second));
}

/**
 * Root of the tree of the first `treeSize` leaves (RFC 6962 §2.1), from hash tiles: what a checkpoint of that size says,
 * if it is of this log.
 *
 * @throws RangeError unless 0 ≤ treeSize ≤ the checkpoint's size
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when a published tile is missing or short
 */
export async function readRoot(tiles: TreeTiles, treeSize: number): Promise<Uint8Array> {
  requirePublished(tiles, treeSize);
  const [root] = await readSubtrees(tiles, [{ start: 0, end: treeSize }]);
  if (root === undefined) throw new TypeError("one subtree has one hash");
  return root;
}

function requirePublished({ checkpoint }: TreeTiles, treeSize: number): void {
  if (!Number.isSafeInteger(treeSize) || treeSize < 0 || treeSize > checkpoint.size) {
    throw new RangeError(`${treeSize} is beyond the published ${checkpoint.size} entries`);
  }
}

/** Reads each tile once, however many of the subtrees lie in it: a proof takes a few tiles, whatever the size of the tree. */
async function readSubtrees(tiles: TreeTiles, subtrees: readonly Subtree[]): Promise<readonly Uint8Array[]> {
  const positions = new Map(
    subtrees
      .flatMap(({ start, end }) => tilesForSubtree(start, end))
      .map(({ level, index }) => [`${level}/${index}`, { level, index }]),
  );
  const read = new Map<string, Uint8Array>();
  await Promise.all(
    Array.from(positions, async ([key, { level, index }]) => {
      const hashes = await tiles.tile(level, index);
      if (hashes === undefined) throw new MayflyError("LOG_CORRUPT", `tile ${key} is missing`);
      read.set(key, hashes);
    }),
  );
  const tileOf = (level: number, index: number): Uint8Array => read.get(`${level}/${index}`) ?? new Uint8Array(0);
  return subtrees.map(({ start, end }) => subtreeHash(start, end, tileOf));
}
