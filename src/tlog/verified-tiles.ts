import { MayflyError } from "../core/errors.ts";
import type { StatedTree } from "../core/merkle/consistency-proof.ts";
import { TILE_WIDTH, tileWidthAt } from "../core/merkle/tile.ts";
import { HASH_LENGTH } from "../core/merkle/tree.ts";
import type { LogSource } from "../ports/log-source.ts";
import type { TreeTiles } from "./log-reader.ts";
import { openTrustedTiles, type ReadTile } from "./trusted-tiles.ts";

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
 * is compared with the hash of it in the tile above. The tiles that were wanted last are read once.
 *
 * @param tree whose root is known from elsewhere, such as a checkpoint that was verified
 * @throws MayflyError `log_failed`: SOURCE_INVALID when the log has no tiles, or the tiles of another tree
 */
export async function openVerifiedTiles(source: LogSource, tree: StatedTree): Promise<VerifiedTiles> {
  const recent = new RecentTiles(source);
  const trusted = await fromSource(source, () => openTrustedTiles(tree, recent.read));
  const tile = async (level: number, index: number): Promise<Uint8Array | undefined> => {
    if (tileWidthAt(level, index, tree.size) === 0) return undefined;
    try {
      return await fromSource(source, () => trusted.tile(level, index));
    } catch (error) {
      // What was wrong once may be right later.
      recent.forget();
      throw error;
    }
  };
  return {
    checkpoint: tree,
    tile,
    fullTileHash: async (index) => {
      if (tileWidthAt(0, index, tree.size) < TILE_WIDTH) return undefined;
      const at = (index % TILE_WIDTH) * HASH_LENGTH;
      return (await tile(1, Math.floor(index / TILE_WIDTH)))?.subarray(at, at + HASH_LENGTH);
    },
  };
}

/** Tiles that do not make up a tree are the source's fault, and nobody's damage. */
async function fromSource<T>(source: LogSource, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof MayflyError) || cause.reason !== "LOG_CORRUPT") throw cause;
    throw new MayflyError("SOURCE_INVALID", `${source.location}: ${cause.message}`, { cause });
  }
}

/** Reads tiles, and remembers those that were wanted last; whoever asks for one that is being read waits for it. */
class RecentTiles {
  readonly #source: LogSource;
  /** In the order in which they were wanted. */
  readonly #tiles = new Map<string, Promise<Uint8Array>>();

  constructor(source: LogSource) {
    this.#source = source;
  }

  readonly read: ReadTile = (level, index, width) => {
    const name = `${level}/${index}`;
    const reading = this.#tiles.get(name) ?? this.#readFromSource(level, index, width);
    this.#tiles.delete(name);
    this.#tiles.set(name, reading);
    const [oldest] = this.#tiles.keys();
    if (this.#tiles.size > MOST_REMEMBERED && oldest !== undefined) this.#tiles.delete(oldest);
    return reading;
  };

  forget(): void {
    this.#tiles.clear();
  }

  async #readFromSource(level: number, index: number, width: number): Promise<Uint8Array> {
    const { location } = this.#source;
    const hashes = await this.#source.tile(level, index, width);
    if (hashes === undefined) {
      throw new MayflyError("SOURCE_INVALID", `${location} offers no tiles, so nothing in it can be proved alone`);
    }
    if (hashes.length !== width * HASH_LENGTH) {
      throw new MayflyError("SOURCE_INVALID", `${location}: tile ${level}/${index} has not ${width} hashes`);
    }
    return hashes;
  }
}
