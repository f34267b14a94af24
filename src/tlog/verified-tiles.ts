import { MayflyError } from "../core/errors.ts";
import type { StatedTree } from "../core/merkle/consistency-proof.ts";
import { hashOfFullTile, subtreeHash, TILE_WIDTH, tilesForSubtree, tileWidthAt } from "../core/merkle/tile.ts";
import { EMPTY_ROOT, HASH_LENGTH } from "../core/merkle/tree.ts";
import type { LogSource } from "../ports/log-source.ts";
import type { TreeTiles } from "./log-reader.ts";

/** Half a megabyte of tiles: the paths to the root that neighbouring leaves share. */
const MOST_REMEMBERED = 64;

/** Hash tiles of somebody else's log, each compared with the root of a tree that is trusted before it is given. */
export interface VerifiedTiles extends TreeTiles {
  readonly checkpoint: StatedTree;
  /**
   * @throws MayflyError `log_failed`: SOURCE_INVALID when a tile on the way to the root is not of this tree, or what the
   *   source fails with
   */
  tile(level: number, index: number): Promise<Uint8Array | undefined>;
  /** Hash of the full tile of level 0 with this index, without reading that tile; undefined when it is not full. */
  fullTileHash(index: number): Promise<Uint8Array | undefined>;
}

/**
 * Opens the hash tiles of a tree. The tiles at its right edge are read at once and must lead to its root; every other one
 * is compared with the hash of it in the tile above.
 *
 * @param tree whose root is known from elsewhere, such as a checkpoint that was verified
 * @throws MayflyError `log_failed`: SOURCE_INVALID when the log has no tiles, or the tiles of another tree
 */
export async function openVerifiedTiles(source: LogSource, tree: StatedTree): Promise<VerifiedTiles> {
  const edge = new Map<string, Uint8Array>();
  await Promise.all(
    tilesForSubtree(0, tree.size).map(async ({ level, index }) => {
      edge.set(`${level}/${index}`, await readTile(source, tree.size, { level, index }));
    }),
  );
  const root =
    tree.size === 0
      ? EMPTY_ROOT
      : subtreeHash(0, tree.size, (level, index) => edge.get(`${level}/${index}`) ?? new Uint8Array(0));
  if (Buffer.compare(root, tree.root) !== 0) {
    throw new MayflyError(
      "SOURCE_INVALID",
      `${source.location}: its tiles are not those of the checkpoint of ${tree.size} entries`,
    );
  }
  return new TilesUnderRoot(source, tree, edge);
}

async function readTile(
  source: LogSource,
  treeSize: number,
  { level, index }: { readonly level: number; readonly index: number },
): Promise<Uint8Array> {
  const width = tileWidthAt(level, index, treeSize);
  const hashes = await source.tile(level, index, width);
  if (hashes === undefined) {
    throw new MayflyError("SOURCE_INVALID", `${source.location} offers no tiles, so nothing in it can be proved alone`);
  }
  if (hashes.length !== width * HASH_LENGTH) {
    throw new MayflyError("SOURCE_INVALID", `${source.location}: tile ${level}/${index} has not ${width} hashes`);
  }
  return hashes;
}

class TilesUnderRoot implements VerifiedTiles {
  readonly checkpoint: StatedTree;
  readonly #source: LogSource;
  /** The tiles that are not full, all of them verified. */
  readonly #edge: ReadonlyMap<string, Uint8Array>;
  /** Full tiles that were read last, or are being read. */
  readonly #recent = new Map<string, Promise<Uint8Array>>();

  constructor(source: LogSource, tree: StatedTree, edge: ReadonlyMap<string, Uint8Array>) {
    this.#source = source;
    this.checkpoint = tree;
    this.#edge = edge;
  }

  async tile(level: number, index: number): Promise<Uint8Array | undefined> {
    const width = tileWidthAt(level, index, this.checkpoint.size);
    if (width === 0) return undefined;
    return width < TILE_WIDTH ? this.#edge.get(`${level}/${index}`) : this.#full(level, index);
  }

  async fullTileHash(index: number): Promise<Uint8Array | undefined> {
    if (tileWidthAt(0, index, this.checkpoint.size) < TILE_WIDTH) return undefined;
    return this.#hashOf(0, index);
  }

  /** Hash of a full tile, as the tile above has it. */
  async #hashOf(level: number, index: number): Promise<Uint8Array | undefined> {
    const above = await this.tile(level + 1, Math.floor(index / TILE_WIDTH));
    const at = (index % TILE_WIDTH) * HASH_LENGTH;
    return above?.subarray(at, at + HASH_LENGTH);
  }

  #full(level: number, index: number): Promise<Uint8Array> {
    const name = `${level}/${index}`;
    const known = this.#recent.get(name);
    // Taken out and put back, so that it is the newest: a map is in the order in which its members came.
    this.#recent.delete(name);
    const reading = known ?? this.#readFull(level, index);
    this.#recent.set(name, reading);
    if (known !== undefined) return known;
    // What failed once may succeed later.
    reading.catch(() => this.#recent.delete(name));
    const [oldest] = this.#recent.keys();
    if (this.#recent.size > MOST_REMEMBERED && oldest !== undefined) this.#recent.delete(oldest);
    return reading;
  }

  async #readFull(level: number, index: number): Promise<Uint8Array> {
    const [stated, hashes] = await Promise.all([
      this.#hashOf(level, index),
      readTile(this.#source, this.checkpoint.size, { level, index }),
    ]);
    if (stated === undefined || Buffer.compare(hashOfFullTile(hashes), stated) !== 0) {
      const size = this.checkpoint.size;
      throw new MayflyError(
        "SOURCE_INVALID",
        `${this.#source.location}: tile ${level}/${index} is not that of the checkpoint of ${size} entries`,
      );
    }
    return hashes;
  }
}
