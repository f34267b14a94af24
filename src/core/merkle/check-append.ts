import { hash } from "node:crypto";
import { MayflyError } from "../errors.ts";
import { TILE_WIDTH, type TilePosition } from "./tile.ts";
import { HASH_LENGTH, nodeHash, splitPoint } from "./tree.ts";

/** What a batch claims to have done to the log. */
export interface ClaimedAppend {
  /** The committed tree it continues; its right edge is trusted, because it passed this check itself. */
  readonly previous: { readonly size: number; readonly rightEdge: readonly Uint8Array[] };
  readonly head: { readonly size: number; readonly root: Uint8Array };
  /** In log order. */
  readonly entries: readonly { readonly leafHash: Uint8Array; readonly storedSha256: Uint8Array }[];
  /** The tiles that were written. */
  readonly tiles: readonly TilePosition[];
}

/** Rows as the database returns them inside the transaction, after they were written. */
export interface WrittenRows {
  /** Stored bytes of an entry. */
  entry(index: number): Uint8Array | undefined;
  /** Hashes of a tile. */
  tile(level: number, index: number): Uint8Array | undefined;
  /** Hashes of the same tile before the batch; undefined when it is new. */
  tileBefore(level: number, index: number): Uint8Array | undefined;
}

/**
 * The second opinion on a batch before it is committed: recomputes the root top-down (RFC 6962 §2.1) from the previous
 * right edge and from what was really written, where the batch was built bottom-up from memory. One flipped bit on the
 * way to the database must never come under a signature.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when entries, tiles and head do not belong together
 */
export function checkAppend(append: ClaimedAppend, rows: WrittenRows): void {
  const { previous, head, entries } = append;
  require(entries.length > 0 && head.size === previous.size + entries.length, "head does not count the entries");
  entries.forEach(({ leafHash, storedSha256 }, at) => {
    const index = previous.size + at;
    const stored = rows.entry(index);
    require(stored !== undefined && isEqual(hash("sha256", stored, "buffer"), storedSha256), `entry ${index} differs`);
    require(isEqual(hashInTile(rows, 0, index), leafHash), `leaf hash ${index} differs`);
  });
  requireGrownTiles(append, rows);
  require(isEqual(rootAfter(append, rows), head.root), `root of size ${head.size} differs`);
}

/** Every tile that changes keeps what it held and is as wide as the tree makes it; no other tile was written. */
function requireGrownTiles({ previous, head, tiles }: ClaimedAppend, rows: WrittenRows): void {
  let touched = 0;
  for (let level = 0; TILE_WIDTH ** level <= head.size; level++) {
    const before = Math.floor(previous.size / TILE_WIDTH ** level);
    const after = Math.floor(head.size / TILE_WIDTH ** level);
    const first = Math.floor(before / TILE_WIDTH);
    for (let index = first; before < after && index * TILE_WIDTH < after; index++) {
      const width = Math.min(TILE_WIDTH, after - index * TILE_WIDTH);
      requireGrownTile(rows, { level, index }, { kept: index === first ? before % TILE_WIDTH : 0, width });
      touched += 1;
    }
  }
  require(tiles.length === touched, `${tiles.length} tiles were written instead of ${touched}`);
}

function requireGrownTile(
  rows: WrittenRows,
  { level, index }: TilePosition,
  { kept, width }: { readonly kept: number; readonly width: number },
): void {
  const tile = rows.tile(level, index);
  const old = rows.tileBefore(level, index) ?? new Uint8Array(0);
  require(tile?.length === width * HASH_LENGTH, `tile ${level}/${index} has the wrong width`);
  require(old.length === kept * HASH_LENGTH, `tile ${level}/${index} had the wrong width`);
  require(isEqual(tile.subarray(0, old.length), old), `tile ${level}/${index} was rewritten`);
}

/** Root of the new tree, top-down; compares every tile hash above level 0 that comes into being on the way. */
function rootAfter({ previous, head }: ClaimedAppend, rows: WrittenRows): Uint8Array {
  // A subtree that ends inside the previous tree while its parent does not is one of that tree's right edge; the walk
  // goes from left to right, so they are met in order.
  const edge = previous.rightEdge.values();
  const walk = (start: number, end: number): Uint8Array => {
    if (end <= previous.size) {
      const known = edge.next();
      require(known.done !== true, "previous right edge too short");
      return known.value;
    }
    if (end - start === 1) return hashInTile(rows, 0, start);
    const middle = start + splitPoint(end - start);
    const node = nodeHash(walk(start, middle), walk(middle, end));
    const level = levelOfTileHash(end - start);
    if (level !== undefined) {
      require(isEqual(hashInTile(rows, level, start / (end - start)), node), `level ${level} differs at ${start}`);
    }
    return node;
  };
  const root = walk(0, head.size);
  require(edge.next().done === true, "previous right edge too long");
  return root;
}

/** The tile level whose hashes stand for that many leaves; undefined below 256 and between two levels. */
function levelOfTileHash(leaves: number): number | undefined {
  const level = Math.log2(leaves) / Math.log2(TILE_WIDTH);
  return Number.isInteger(level) && level > 0 ? level : undefined;
}

function hashInTile(rows: WrittenRows, level: number, position: number): Uint8Array {
  const at = (position % TILE_WIDTH) * HASH_LENGTH;
  const found = rows.tile(level, Math.floor(position / TILE_WIDTH))?.subarray(at, at + HASH_LENGTH);
  require(found?.length === HASH_LENGTH, `hash ${position} of level ${level} is missing`);
  return found;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function require(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new MayflyError("LOG_CORRUPT", `self-check of a batch: ${problem}`);
}
