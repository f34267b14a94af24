import { hashOfFullTile, TILE_WIDTH } from "../core/merkle/tile.ts";
import { HASH_LENGTH } from "../core/merkle/tree.ts";
import type { LogRecords } from "../ports/log-store.ts";
import { noteProblem, type OnProblem } from "./log-problem.ts";

/**
 * Builds the tiles above level 0 anew, from the full tiles that it is given one after the other, and compares each with the
 * stored one. Holds one unfinished tile per level.
 */
export class UpperTiles {
  readonly #records: Pick<LogRecords, "tile">;
  readonly #onProblem: OnProblem;
  /** By level, from 1: hashes that do not fill a tile yet, and how many tiles were filled before. */
  readonly #levels: { hashes: Uint8Array[]; index: number }[] = [];
  #compared = 0;

  constructor(records: Pick<LogRecords, "tile">, onProblem: OnProblem) {
    this.#records = records;
    this.#onProblem = onProblem;
  }

  /** Tiles that were compared so far. */
  get compared(): number {
    return this.#compared;
  }

  /** Takes the next full tile of level 0. */
  async add(fullTile: Uint8Array): Promise<void> {
    let hash = hashOfFullTile(fullTile);
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
    const where = `tile ${level}/${index}`;
    this.#compared += 1;
    await noteProblem(where, this.#onProblem, async () => {
      const stored = await this.#records.tile(level, index);
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
  for (let at = 0; at < hashes.length; at += HASH_LENGTH) {
    const isEqual = Buffer.compare(stored.subarray(at, at + HASH_LENGTH), hashes.subarray(at, at + HASH_LENGTH)) === 0;
    if (!isEqual) return `hash ${at / HASH_LENGTH} is not the one that follows from the entries`;
  }
  return undefined;
}
