import { hashOfFullTile, TILE_WIDTH } from "../core/merkle/tile.ts";
import { appendToRightEdge, HASH_LENGTH, rootOfRightEdge } from "../core/merkle/tree.ts";
import type { PartVerdict } from "./entry-part.ts";
import type { OnProblem } from "./log-problem.ts";
import { differenceOfTile, UpperTiles, type TileOf, type TilesSoFar } from "./verify-tiles.ts";

/** A tree that somebody says this log had. */
export interface StatedTreeOfLog {
  /** Who says so, for problems: `head`, `published checkpoint`. */
  readonly where: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** No entry of the tree is later; undefined where nothing is said about time. */
  readonly timestampMs: number | undefined;
}

/** The tree of the entries up to some point: all that is needed to go on from there. */
export interface TreeSoFar extends TilesSoFar {
  /** Hashes of the perfect subtrees that `size` is made of, largest first. */
  readonly rightEdge: readonly Uint8Array[];
  /** Time of the last entry. */
  readonly lastMs: number;
  /** Time of the newest entry. */
  readonly newestMs: number;
}

/** The tree of no entries. */
export const EMPTY_TREE: TreeSoFar = { size: 0, partialTiles: [], rightEdge: [], lastMs: 0, newestMs: 0 };

/** How a tree is compared with what there is of it. */
export interface GrowingTreeOptions {
  /** Hash tiles of the log; undefined where it offers none. */
  readonly tileOf: TileOf | undefined;
  /** Trees that are compared when the tree has grown to their size. */
  readonly stated: readonly StatedTreeOfLog[];
  readonly onProblem: OnProblem;
  /** Told of entries that are older than the one before. */
  readonly onOlderEntry: OnProblem;
}

/** A tile as the log has it. */
export interface ReadTile {
  /** Undefined when it is missing. */
  readonly hashes: Uint8Array | undefined;
}

/** Entries that were judged, and the tile of level 0 that they are in, as the log has it. */
export interface JudgedPart {
  readonly start: number;
  readonly verdict: PartVerdict;
  /** Undefined when there is nothing to compare: the log offers no tiles, or what is wrong with this one was told. */
  readonly tile: ReadTile | undefined;
}

/** Builds a log's tree anew from leaf hashes, and compares its roots, tiles and times with what the log says of itself. */
export class GrowingTree {
  readonly #options: GrowingTreeOptions;
  readonly #upperTiles: UpperTiles;
  #comparedTiles = 0;
  #size: number;
  #rightEdge: readonly Uint8Array[];
  /** Leaf hashes of the tile of level 0 that is not full. */
  #leaves: Uint8Array;
  #lastMs: number;
  #newestMs: number;

  constructor(options: GrowingTreeOptions, from: TreeSoFar = EMPTY_TREE) {
    this.#options = options;
    const { tileOf, onProblem } = options;
    this.#upperTiles = new UpperTiles(tileOf, onProblem, from);
    this.#size = from.size;
    this.#rightEdge = from.rightEdge;
    this.#leaves = from.partialTiles[0] ?? new Uint8Array(0);
    this.#lastMs = from.lastMs;
    this.#newestMs = from.newestMs;
    this.#compareTrees();
  }

  /** Tiles that were compared so far. */
  get comparedTiles(): number {
    return this.#comparedTiles + this.#upperTiles.compared;
  }

  get size(): number {
    return this.#size;
  }

  get soFar(): TreeSoFar {
    return {
      size: this.#size,
      partialTiles: [this.#leaves, ...this.#upperTiles.partialTiles],
      rightEdge: this.#rightEdge,
      lastMs: this.#lastMs,
      newestMs: this.#newestMs,
    };
  }

  /** Takes the entries that come next, which all lie in one tile. */
  async add({ start, verdict, tile }: JudgedPart): Promise<void> {
    if (start !== this.#size) throw new RangeError(`part of entry ${start} for a tree of ${this.#size}`);
    const { leafHashes, timesMs, tileHash } = verdict;
    fillHoles(leafHashes, timesMs, tile?.hashes?.subarray(this.#leaves.length));
    const leaves = this.#leaves.length === 0 ? leafHashes : Buffer.concat([this.#leaves, leafHashes]);
    this.#compareTile(Math.floor(start / TILE_WIDTH), tile, leaves);
    const hashOfTile = hashOfTileIfFull(leaves, tileHash);
    const isWholeTile = hashOfTile !== undefined && leafHashes.length === leaves.length;
    if (isWholeTile && !this.#endsInside(start, timesMs.length)) this.#addTile(hashOfTile, timesMs);
    else this.#addLeaves(leafHashes, timesMs);
    this.#leaves = hashOfTile === undefined ? leaves : new Uint8Array(0);
    if (hashOfTile !== undefined) await this.#upperTiles.add(hashOfTile);
  }

  /** Compares the tiles at the right edge, which are not full, once all entries were added. */
  async end(): Promise<void> {
    await this.#upperTiles.end();
  }

  #compareTile(index: number, tile: ReadTile | undefined, leaves: Uint8Array): void {
    if (tile === undefined) return;
    this.#comparedTiles += 1;
    const what = differenceOfTile(tile.hashes, leaves);
    if (what !== undefined) this.#options.onProblem({ where: `tile 0/${index}`, what });
  }

  /** Whether a stated tree ends between these entries. */
  #endsInside(start: number, count: number): boolean {
    return this.#options.stated.some(({ size }) => size > start && size < start + count);
  }

  /** A full tile is a perfect subtree: the right edge grows by it as it would by a leaf. */
  #addTile(hashOfTile: Uint8Array, timesMs: Float64Array): void {
    timesMs.forEach((timestampMs, at) => {
      this.#noteTime(timestampMs, at);
    });
    this.#rightEdge = appendToRightEdge(this.#rightEdge, this.#size / TILE_WIDTH, hashOfTile);
    this.#size += TILE_WIDTH;
    this.#compareTrees();
  }

  #addLeaves(leafHashes: Uint8Array, timesMs: Float64Array): void {
    for (const [at, timestampMs] of timesMs.entries()) {
      this.#noteTime(timestampMs, 0);
      const leaf = leafHashes.slice(at * HASH_LENGTH, (at + 1) * HASH_LENGTH);
      this.#rightEdge = appendToRightEdge(this.#rightEdge, this.#size, leaf);
      this.#size += 1;
      this.#compareTrees();
    }
  }

  /** @param at how many entries behind the tree the entry is */
  #noteTime(timestampMs: number, at: number): void {
    if (Number.isNaN(timestampMs)) return;
    if (timestampMs < this.#lastMs) {
      this.#options.onOlderEntry({ where: `entry ${this.#size + at}`, what: "is older than the entry before it" });
    }
    this.#lastMs = timestampMs;
    this.#newestMs = Math.max(this.#newestMs, timestampMs);
  }

  /** Compares every stated tree that has as many entries as were added. */
  #compareTrees(): void {
    for (const { where, size, root, timestampMs } of this.#options.stated) {
      if (size !== this.#size) continue;
      if (Buffer.compare(root, rootOfRightEdge(this.#rightEdge)) !== 0) {
        this.#options.onProblem({ where, what: `its root is not that of the first ${size} entries` });
      }
      if (timestampMs !== undefined && timestampMs < this.#newestMs) {
        this.#options.onProblem({ where, what: "is older than an entry in it" });
      }
    }
  }
}

/** @param known what a judge of the whole tile found, if there was one */
function hashOfTileIfFull(leaves: Uint8Array, known: Uint8Array | undefined): Uint8Array | undefined {
  return leaves.length === TILE_WIDTH * HASH_LENGTH ? (known ?? hashOfFullTile(leaves)) : undefined;
}

/** Where an entry is lost, the tree goes on with what its tile remembers, so that what comes after can be judged. */
function fillHoles(leafHashes: Uint8Array, timesMs: Float64Array, tile: Uint8Array | undefined): void {
  if (tile === undefined) return;
  for (const [at, timestampMs] of timesMs.entries()) {
    if (!Number.isNaN(timestampMs)) continue;
    const hash = tile.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH);
    if (hash.length === HASH_LENGTH) leafHashes.set(hash, at * HASH_LENGTH);
  }
}
