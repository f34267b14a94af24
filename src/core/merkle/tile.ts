import { MayflyError } from "../errors.ts";
import { HASH_LENGTH, nodeHash, rootOfRightEdge, splitPoint } from "./tree.ts";

/** Hashes of a full hash tile, and entries of a full data tile (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;

/** Nodes that one level of tiles spans: 256 = 2^8. */
const TILE_HEIGHT = 8;

/** Highest tile level that has a path (C2SP tlog-tiles). */
const MAX_LEVEL = 63;

/** What a tile's path says. `width` is 1 to 256; below 256 the tile is partial. */
export type TileName =
  | { readonly kind: "hash"; readonly level: number; readonly index: number; readonly width: number }
  | { readonly kind: "data"; readonly index: number; readonly width: number };

/** A hash tile and its contents: 1 to 256 hashes of 32 bytes. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  readonly hashes: Uint8Array;
}

/** Position of a hash tile in the tree. */
export type TilePosition = Pick<Tile, "level" | "index">;

/** The right-edge hash tiles of a tree, and what {@link tilesOfAppend} needs of it. */
export interface TileEdge {
  /** Leaves of the tree. */
  readonly size: number;
  /** By level: the hashes of the level's last tile when it is partial, no bytes when all its tiles are full. */
  readonly partialTiles: readonly Uint8Array[];
}

/**
 * Path of a tile below the log's prefix (C2SP tlog-tiles), such as `tile/0/x001/x234/067` or `tile/data/003.p/17`.
 *
 * @throws RangeError when level, index or width has no path
 */
export function tilePath(name: TileName): string {
  const level = name.kind === "data" ? "data" : String(inRange(name.level, 0, MAX_LEVEL));
  const digits = String(inRange(name.index, 0, Number.MAX_SAFE_INTEGER));
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/\d{3}/gu) ?? [];
  const number = groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join("/");
  const partial = inRange(name.width, 1, TILE_WIDTH) === TILE_WIDTH ? "" : `.p/${name.width}`;
  return `tile/${level}/${number}${partial}`;
}

function inRange(value: number, lowest: number, highest: number): number {
  if (!Number.isSafeInteger(value) || value < lowest || value > highest) {
    throw new RangeError(`${value} is not between ${lowest} and ${highest}`);
  }
  return value;
}

const TILE_PATH = /^tile\/(data|\d{1,2})\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/(\d{1,3}))?$/u;

/**
 * Reads a tile's path; the inverse of {@link tilePath}.
 *
 * @returns undefined unless it is the one canonical path of a tile
 */
export function parseTilePath(path: string): TileName | undefined {
  const match = TILE_PATH.exec(path);
  if (match === null) return undefined;
  const [, level, number = "", partial] = match;
  const index = Number(number.replaceAll(/[x/]/gu, ""));
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  if (index > Number.MAX_SAFE_INTEGER || width < 1 || width > TILE_WIDTH || Number(level) > MAX_LEVEL) return undefined;
  const name: TileName =
    level === "data" ? { kind: "data", index, width } : { kind: "hash", level: Number(level), index, width };
  // One spelling per tile: leading zeros and `x000/` would give caches and access rules a second name for it.
  return tilePath(name) === path ? name : undefined;
}

/**
 * How many hashes tile `index` of `level` has in a tree of `treeSize` leaves, 0 to 256. A data tile is as wide as the
 * tile of level 0 with its index.
 */
export function tileWidthAt(level: number, index: number, treeSize: number): number {
  const hashesOfLevel = Math.floor(treeSize / TILE_WIDTH ** level);
  return Math.max(0, Math.min(TILE_WIDTH, hashesOfLevel - index * TILE_WIDTH));
}

/**
 * Root of a full tile: the hash that stands for it one level up.
 *
 * @param hashes 256 hashes of 32 bytes
 * @throws RangeError when the tile is not full
 */
export function hashOfFullTile(hashes: Uint8Array): Uint8Array {
  if (hashes.length !== TILE_WIDTH * HASH_LENGTH) throw new RangeError("only a full tile has a hash of its own");
  return rootOfPerfectSubtree(hashes);
}

/** Root over a power of two of 32-byte hashes that lie side by side. */
function rootOfPerfectSubtree(hashes: Uint8Array): Uint8Array {
  if (hashes.length === HASH_LENGTH) return new Uint8Array(hashes);
  const middle = hashes.length / 2;
  return nodeHash(rootOfPerfectSubtree(hashes.subarray(0, middle)), rootOfPerfectSubtree(hashes.subarray(middle)));
}

/**
 * The hash tiles that a batch of new leaves touches, as they stand after it. Only full tiles are hashed into the level
 * above.
 *
 * @param before the tree that the batch is added to; stays as it is
 * @param leafHashes of the batch, 32 bytes each, in log order
 * @returns every touched tile, level by level and left to right, and the edge to give to the next call
 * @throws RangeError when the partial tiles do not belong to a tree of that size
 */
export function tilesOfAppend(
  before: TileEdge,
  leafHashes: readonly Uint8Array[],
): { readonly tiles: readonly Tile[]; readonly after: TileEdge } {
  const tiles: Tile[] = [];
  const partialTiles = [...before.partialTiles];
  let added = leafHashes;
  for (let level = 0; added.length > 0; level++) {
    const first = Math.floor(before.size / TILE_WIDTH ** (level + 1));
    const partial = partialTiles[level] ?? new Uint8Array(0);
    if (partial.length !== tileWidthAt(level, first, before.size) * HASH_LENGTH) {
      throw new RangeError(`level ${level} of a tree of ${before.size} leaves has no partial tile of that length`);
    }
    const touched = tilesOfLevel(partial, added).map((hashes, at): Tile => ({ level, index: first + at, hashes }));
    tiles.push(...touched);
    const full = touched.filter(({ hashes }) => hashes.length === TILE_WIDTH * HASH_LENGTH);
    partialTiles[level] = full.length === touched.length ? new Uint8Array(0) : (touched.at(-1)?.hashes ?? partial);
    added = full.map(({ hashes }) => hashOfFullTile(hashes));
  }
  return { tiles, after: { size: before.size + leafHashes.length, partialTiles } };
}

/** Contents of the tiles of one level: those of its partial tile followed by the added hashes. */
function tilesOfLevel(partial: Uint8Array, added: readonly Uint8Array[]): Uint8Array[] {
  const kept = partial.length / HASH_LENGTH;
  const tiles: Uint8Array[] = [];
  for (let start = 0; start < kept + added.length; start += TILE_WIDTH) {
    const tile = new Uint8Array(Math.min(TILE_WIDTH, kept + added.length - start) * HASH_LENGTH);
    if (start === 0) tile.set(partial);
    for (let at = start === 0 ? kept : 0; at * HASH_LENGTH < tile.length; at++) {
      tile.set(hashAt(added, start + at - kept), at * HASH_LENGTH);
    }
    tiles.push(tile);
  }
  return tiles;
}

function hashAt(hashes: readonly Uint8Array[], index: number): Uint8Array {
  const hash = hashes[index];
  if (hash?.length !== HASH_LENGTH) throw new RangeError("a leaf hash has 32 bytes");
  return hash;
}

/** A perfect subtree that lies in one tile: hashes `first` ≤ i < `first + count` of it. */
interface TileSlice extends TilePosition {
  readonly first: number;
  readonly count: number;
}

/**
 * The hash tiles that {@link subtreeHash} reads for the leaves `start` ≤ index < `end`, without repetition. Their width
 * in a given tree is {@link tileWidthAt}.
 */
export function tilesForSubtree(start: number, end: number): readonly TilePosition[] {
  const unique = new Map(
    slicesOfSubtree(start, end).map(({ level, index }) => [`${level}/${index}`, { level, index }] as const),
  );
  return [...unique.values()];
}

/**
 * Merkle tree hash of the leaves `start` ≤ index < `end` (RFC 6962 §2.1), computed from hash tiles.
 *
 * @param tileOf gives the hashes of a tile; more than needed do no harm
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when a tile is too short for its place
 * @throws RangeError when the leaves are no subtree of any tree
 */
export function subtreeHash(
  start: number,
  end: number,
  tileOf: (level: number, index: number) => Uint8Array,
): Uint8Array {
  return rootOfRightEdge(
    slicesOfSubtree(start, end).map(({ level, index, first, count }) => {
      const hashes = tileOf(level, index).subarray(first * HASH_LENGTH, (first + count) * HASH_LENGTH);
      if (hashes.length !== count * HASH_LENGTH) {
        throw new MayflyError("LOG_CORRUPT", `tile ${level}/${index} has fewer than ${first + count} hashes`);
      }
      return rootOfPerfectSubtree(hashes);
    }),
  );
}

/** The perfect subtrees that the leaves are made of, largest first, each as a slice of the tile that holds it. */
function slicesOfSubtree(start: number, end: number): TileSlice[] {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new RangeError(`[${start}, ${end}) is no range of leaves`);
  }
  // A subtree begins at a multiple of the smallest power of two that holds it; then so do its perfect parts.
  const room = largestPowerOfTwo(2 * (end - start) - 1);
  if (start % room !== 0) throw new RangeError(`[${start}, ${end}) is no subtree`);
  const slices: TileSlice[] = [];
  for (let at = start; at < end;) {
    const size = largestPowerOfTwo(end - at);
    slices.push(sliceOfPerfectSubtree(at, size));
    at += size;
  }
  return slices;
}

/** The largest power of two that is at most `size`. */
function largestPowerOfTwo(size: number): number {
  return splitPoint(size + 1);
}

function sliceOfPerfectSubtree(start: number, size: number): TileSlice {
  const level = Math.floor(Math.log2(size) / TILE_HEIGHT);
  const leavesPerHash = TILE_WIDTH ** level;
  const position = start / leavesPerHash;
  return {
    level,
    index: Math.floor(position / TILE_WIDTH),
    first: position % TILE_WIDTH,
    count: size / leavesPerHash,
  };
}
