import { hashOfFullTile, TILE_WIDTH } from "../core/merkle/tile.ts";
import { HASH_LENGTH } from "../core/merkle/tree.ts";
import { noteProblem, type OnProblem } from "./log-problem.ts";

/** Reads a tile as the log has it; `width` hashes of it are wanted. */
export type TileOf = (level: number, index: number, width: number) => Promise<Uint8Array | undefined>;

/** Where a verification of tiles begins. */
export interface TilesSoFar {
  /** Leaves that were added before. */
  readonly size: number;
  /** By level, from 0: hashes of the last tile when it is not full, no bytes otherwise. */
  readonly partialTiles: readonly Uint8Array[];
}

/**
 * Builds the tiles above level 0 anew, from the full tiles that it is given one after the other, and compares each with the
 * log's. Holds one unfinished tile per level.
 */
export class UpperTiles {
  readonly #tileOf: TileOf | undefined;
  readonly #onProblem: OnProblem;
  /** By level, from 1: hashes that do not fill a tile yet, and how many tiles were filled before. */
  readonly #levels: { hashes: Uint8Array[]; index: number }[];
  #compared = 0;

  /** @param tileOf undefined where the log offers no tiles: nothing is compared then */
  constructor(
    tileOf: TileOf | undefined,
    onProblem: OnProblem,
    { size, partialTiles }: TilesSoFar = { size: 0, partialTiles: [] },
  ) {
    this.#tileOf = tileOf;
    this.#onProblem = onProblem;
    this.#levels = partialTiles.slice(1).map((tile, at) => ({
      hashes: Array.from({ length: tile.length / HASH_LENGTH }, (_, hash) =>
        tile.subarray(hash * HASH_LENGTH, (hash + 1) * HASH_LENGTH),
      ),
      index: Math.floor(size / TILE_WIDTH ** (at + 2)),
    }));
  }

  /** Tiles that were compared so far. */
  get compared(): number {
    return this.#compared;
  }

  /** By level, from 1: the hashes of the tile that is not full. */
  get partialTiles(): readonly Uint8Array[] {
    return this.#levels.map(({ hashes }) => Buffer.concat(hashes));
  }

  /** Takes the hash of the next full tile of level 0. */
  async add(hashOfTile: Uint8Array): Promise<void> {
    let hash = hashOfTile;
    for (let level = 1; ; level++) {
      const { hashes, index } = (this.#levels[level - 1] ??= { hashes: [], index: 0 });
      hashes.push(hash);
      if (hashes.length < TILE_WIDTH) return;
      const tile = Buffer.concat(hashes);
      await this.#compare(level, index, tile);
      this.#levels[level - 1] = { hashes: [], index: index + 1 };
      hash = hashOfFullTile(tile);
    }
  }

  /** Compares the tiles at the right edge, which are not full. */
  async end(): Promise<void> {
    for (const [at, { hashes, index }] of this.#levels.entries()) {
      if (hashes.length > 0) await this.#compare(at + 1, index, Buffer.concat(hashes));
    }
  }

  async #compare(level: number, index: number, hashes: Uint8Array): Promise<void> {
    const tileOf = this.#tileOf;
    if (tileOf === undefined) return;
    const where = `tile ${level}/${index}`;
    this.#compared += 1;
    await noteProblem(where, this.#onProblem, async () => {
      const stored = await tileOf(level, index, hashes.length / HASH_LENGTH);
      const what = differenceOfTile(stored, hashes);
      if (what !== undefined) this.#onProblem({ where, what });
    });
  }
}

/**
 * What is wrong with a stored tile. It may be wider than expected: it goes on growing while it is looked at.
 *
 * @param hashes that it must begin with
 */
export function differenceOfTile(stored: Uint8Array | undefined, hashes: Uint8Array): string | undefined {
  if (stored === undefined) return "is missing";
  if (stored.length < hashes.length) {
    return `has ${stored.length / HASH_LENGTH} hashes instead of ${hashes.length / HASH_LENGTH}`;
  }
  if (Buffer.compare(stored.subarray(0, hashes.length), hashes) === 0) return undefined;
  const at = hashes.findIndex((byte, position) => byte !== stored[position]);
  return `hash ${Math.floor(at / HASH_LENGTH)} is not the one that follows from the entries`;
}
