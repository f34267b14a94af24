import { MayflyError } from "../core/errors.ts";
import { hashOfFullTile, subtreeHash, tilesForSubtree, TILE_WIDTH, tileWidthAt } from "../core/merkle/tile.ts";
import { HASH_LENGTH } from "../core/merkle/tree.ts";

/** Hashes of a tile, 32 bytes each, as somebody keeps them; more than `width` do no harm. */
export type ReadTile = (level: number, index: number, width: number) => Promise<Uint8Array | undefined>;

/** A tree that is believed: of a checkpoint whose signatures were verified. */
export interface TrustedTree {
  readonly size: number;
  /** RFC 6962 §2.1 Merkle tree hash, 32 bytes. */
  readonly root: Uint8Array;
}

/** Hash tiles of one tree, each of them shown to follow from its root. */
export interface TrustedTiles {
  /**
   * All hashes that the tile has in the tree.
   *
   * @throws MayflyError `log_failed` (LOG_CORRUPT) naming the tile that does not belong to the tree
   * @throws RangeError when the tree has no such tile
   */
  tile(level: number, index: number): Promise<Uint8Array>;
  /**
   * Root of the tree's first `size` leaves: what a checkpoint of that size must say, if it is of the same log.
   *
   * @throws MayflyError `log_failed` (LOG_CORRUPT)
   * @throws RangeError unless 0 ≤ size ≤ the size of the tree
   */
  rootOf(size: number): Promise<Uint8Array>;
}

/**
 * Reads hash tiles and believes none that does not follow from the root of a tree (C2SP tlog-tiles): the tiles of the right
 * edge are hashed together to the root, and a full tile's hash stands in the tile above it. Keeps a tile per level, so that
 * reading from left to right asks for each of them once.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when the right edge does not make up the root
 */
export async function openTrustedTiles(tree: TrustedTree, read: ReadTile): Promise<TrustedTiles> {
  const tiles = new TilesOfTree(tree, read);
  await tiles.open();
  return tiles;
}

class TilesOfTree implements TrustedTiles {
  readonly #tree: TrustedTree;
  readonly #read: ReadTile;
  /** By level: the tiles at the right edge that are not full. */
  readonly #rightEdge = new Map<number, Uint8Array>();
  /** By level: the full tile that was asked for last. */
  readonly #newest = new Map<number, { readonly index: number; readonly hashes: Uint8Array }>();

  constructor(tree: TrustedTree, read: ReadTile) {
    this.#tree = tree;
    this.#read = read;
  }

  async open(): Promise<void> {
    const { size, root } = this.#tree;
    for (let level = 0; TILE_WIDTH ** level <= size; level++) {
      const index = Math.floor(size / TILE_WIDTH ** (level + 1));
      const width = tileWidthAt(level, index, size);
      if (width > 0) this.#rightEdge.set(level, await this.#readWhole(level, index, width));
    }
    // A tree is made of the hashes of these tiles: as many on each level as its digit to the base of 256.
    const found = subtreeHash(0, size, (level) => this.#rightEdge.get(level) ?? new Uint8Array(0));
    if (Buffer.compare(found, root) !== 0) {
      throw new MayflyError("LOG_CORRUPT", `the tiles of ${size} entries do not make up the root of their checkpoint`);
    }
  }

  async tile(level: number, index: number): Promise<Uint8Array> {
    const width = tileWidthAt(level, index, this.#tree.size);
    if (width === 0) throw new RangeError(`a tree of ${this.#tree.size} leaves has no tile ${level}/${index}`);
    if (width < TILE_WIDTH) return this.#rightEdge.get(level) ?? new Uint8Array(0);
    const newest = this.#newest.get(level);
    if (newest?.index === index) return newest.hashes;
    const hashes = await this.#readWhole(level, index, width);
    const above = await this.tile(level + 1, Math.floor(index / TILE_WIDTH));
    const at = (index % TILE_WIDTH) * HASH_LENGTH;
    if (Buffer.compare(hashOfFullTile(hashes), above.subarray(at, at + HASH_LENGTH)) !== 0) {
      throw new MayflyError("LOG_CORRUPT", `tile ${level}/${index} does not belong to the tree of the checkpoint`);
    }
    this.#newest.set(level, { index, hashes });
    return hashes;
  }

  async rootOf(size: number): Promise<Uint8Array> {
    if (size > this.#tree.size) throw new RangeError(`${size} is beyond ${this.#tree.size} entries`);
    const tiles = new Map<string, Uint8Array>();
    for (const { level, index } of tilesForSubtree(0, size)) {
      tiles.set(`${level}/${index}`, await this.tile(level, index));
    }
    return subtreeHash(0, size, (level, index) => tiles.get(`${level}/${index}`) ?? new Uint8Array(0));
  }

  async #readWhole(level: number, index: number, width: number): Promise<Uint8Array> {
    const hashes = (await this.#read(level, index, width))?.subarray(0, width * HASH_LENGTH);
    if (hashes?.length === width * HASH_LENGTH) return hashes;
    throw new MayflyError(
      "LOG_CORRUPT",
      `tile ${level}/${index} ${hashes === undefined ? "is missing" : "is too short"}`,
    );
  }
}
