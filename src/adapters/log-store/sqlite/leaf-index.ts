import { crc32 } from "node:zlib";
import { MayflyError } from "../../../core/errors.ts";
import { TILE_WIDTH } from "../../../core/merkle/tile.ts";
import { HASH_LENGTH } from "../../../core/merkle/tree.ts";
import { BUCKETS, LeafIndexDamaged, LeafIndexFile } from "./leaf-index-file.ts";
import type { LogRows } from "./log-rows.ts";
import { PLACE } from "./place.ts";
import { isPassing, sqliteFailure } from "./sqlite-failure.ts";

/** What a look-up found; "indexing" when it did a part of the work that comes before, and wants to be asked again. */
export type LeafLookup = number | undefined | "indexing";

/** Leaves that are put into the file together: those of one full tile of level 1, so that they never change any more. */
const RUN_LEAVES = TILE_WIDTH ** 2;

/** Bytes that are remembered of each leaf of the unfinished run: the beginning of its hash. */
const TAIL_BYTES = 8;

/** Bytes of a leaf in the file: {@link PREFIX_BYTES} of its hash and its position in the run. */
const STORED_BYTES = 8;
const PREFIX_BYTES = 6;

/**
 * Leaf hash → index, derived from the tiles of level 0 by whoever looks something up: issuance pays nothing for it. Full runs
 * are in a file of their own, the leaves behind them in half a megabyte of memory.
 *
 * What it finds is compared with the tile before it is answered, and what is in the file counts only with its checksum, which
 * also covers the tile of level 1 that it was made from: a file that is damaged, or of another log, is removed and made anew.
 */
export class LeafIndex {
  readonly #path: string;
  readonly #rows: Pick<LogRows, "tile">;
  readonly #tail = Buffer.alloc(RUN_LEAVES * TAIL_BYTES);
  /** By run: what its rows must have been made of, as far as anybody asked. */
  #seeds: number[] = [];
  #file: LeafIndexFile | undefined;
  /** Runs that are in the file. */
  #runs = 0;
  /** Leaves behind them. */
  #tailLeaves = 0;
  #isSecondAttempt = false;

  /** @param path of the index's file; it is made by the first look-up */
  constructor(path: string, rows: Pick<LogRows, "tile">) {
    this.#path = path;
    this.#rows = rows;
  }

  /**
   * Lowest index below `size` of a leaf. Does no more at a time than index one run, some tens of milliseconds.
   *
   * @param leafHash 32 bytes
   * @param size of a published tree
   * @throws MayflyError `log_failed` (LOG_CORRUPT) when a tile is damaged, LOG_READ_FAILED when no file can be kept;
   *   `log_unavailable` (LOG_DISK_FULL, LOG_BUSY) when there is no room for it now
   */
  find(leafHash: Uint8Array, size: number): LeafLookup {
    try {
      if (!this.#catchUp(size)) return "indexing";
      const index = this.#findInRuns(leafHash, size) ?? this.#findInTail(leafHash, size);
      this.#isSecondAttempt = false;
      return index;
    } catch (error) {
      // What the log's own tiles say is no fault of the index.
      if (error instanceof MayflyError) throw error;
      const failure = sqliteFailure(error, "LOG_READ_FAILED", `the leaf index ${this.#path} cannot be kept`);
      this.#forget();
      if (this.#isSecondAttempt || isPassing(failure)) throw failure;
      this.#isSecondAttempt = true;
      LeafIndexFile.remove(this.#path);
      return "indexing";
    }
  }

  close(): void {
    this.#forget();
  }

  #forget(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#runs = 0;
    this.#tailLeaves = 0;
    this.#seeds = [];
  }

  #openFile(): LeafIndexFile {
    const file = new LeafIndexFile(this.#path);
    this.#file = file;
    this.#runs = file.countRuns();
    return file;
  }

  /** Indexes leaves up to `size`, or to the end of the run; whether that was all. */
  #catchUp(size: number): boolean {
    const file = this.#file ?? this.#openFile();
    const start = this.#runs * RUN_LEAVES;
    const end = Math.min(size, start + RUN_LEAVES);
    while (start + this.#tailLeaves < end) this.#indexTile(start + this.#tailLeaves, end);
    if (this.#tailLeaves === RUN_LEAVES) {
      file.writeRun(this.#runs, this.#bucketsOfTail(), this.#seedOf(this.#runs));
      this.#runs += 1;
      this.#tailLeaves = 0;
    }
    return this.#runs * RUN_LEAVES + this.#tailLeaves >= size;
  }

  /** Remembers the leaves of a tile from the leaf `next` on, those before `end`. */
  #indexTile(next: number, end: number): void {
    const first = next - (next % TILE_WIDTH);
    const width = Math.min(TILE_WIDTH, end - first);
    const hashes = this.#leafTile(first / TILE_WIDTH, width);
    for (let at = next - first; at < width; at++) {
      const hash = at * HASH_LENGTH;
      this.#tail.set(hashes.subarray(hash, hash + TAIL_BYTES), this.#tailLeaves * TAIL_BYTES);
      this.#tailLeaves += 1;
    }
  }

  #bucketsOfTail(): Uint8Array[] {
    const sizes = new Uint32Array(BUCKETS);
    const bucketAt = (leaf: number): number => this.#tail[leaf * TAIL_BYTES] ?? 0;
    for (let leaf = 0; leaf < RUN_LEAVES; leaf++) sizes[bucketAt(leaf)] = (sizes[bucketAt(leaf)] ?? 0) + STORED_BYTES;
    const buckets = Array.from(sizes, (size) => Buffer.alloc(size));
    const filled = new Uint32Array(BUCKETS);
    for (let leaf = 0; leaf < RUN_LEAVES; leaf++) {
      const bucket = bucketAt(leaf);
      const at = filled[bucket] ?? 0;
      const from = leaf * TAIL_BYTES + 1;
      const leaves = buckets[bucket];
      leaves?.set(this.#tail.subarray(from, from + PREFIX_BYTES), at);
      leaves?.writeUInt16BE(leaf, at + PREFIX_BYTES);
      filled[bucket] = at + STORED_BYTES;
    }
    return buckets;
  }

  #findInRuns(leafHash: Uint8Array, size: number): number | undefined {
    const file = this.#file ?? this.#openFile();
    const prefix = leafHash.subarray(1, 1 + PREFIX_BYTES);
    const end = Math.min(this.#runs, Math.ceil(size / RUN_LEAVES));
    for (const { run, leaves } of file.bucket(leafHash[0] ?? 0, end, (of) => this.#seedOf(of))) {
      const bytes = Buffer.from(leaves.buffer, leaves.byteOffset, leaves.byteLength);
      for (const at of positionsOf(bytes, prefix, STORED_BYTES)) {
        const index = run * RUN_LEAVES + bytes.readUInt16BE(at + PREFIX_BYTES);
        if (index < size && this.#isLeaf(index, leafHash)) return index;
      }
    }
    return undefined;
  }

  #findInTail(leafHash: Uint8Array, size: number): number | undefined {
    const tail = this.#tail.subarray(0, this.#tailLeaves * TAIL_BYTES);
    for (const at of positionsOf(tail, leafHash.subarray(0, TAIL_BYTES), TAIL_BYTES)) {
      const index = this.#runs * RUN_LEAVES + at / TAIL_BYTES;
      if (index < size && this.#isLeaf(index, leafHash)) return index;
    }
    return undefined;
  }

  #isLeaf(index: number, leafHash: Uint8Array): boolean {
    const at = index % TILE_WIDTH;
    const hashes = this.#leafTile((index - at) / TILE_WIDTH, at + 1);
    return Buffer.compare(hashes.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH), leafHash) === 0;
  }

  /** A tile of level 0 that has at least `width` hashes. */
  #leafTile(index: number, width: number): Uint8Array {
    const hashes = this.#rows.tile(0, index);
    if (hashes === undefined || hashes.length < width * HASH_LENGTH) {
      throw new MayflyError("LOG_CORRUPT", `${PLACE.tile(0, index)} is published, but missing or too short`);
    }
    return hashes;
  }

  /** What the rows of a run are made of: the tile of level 1 that stands for its leaves. */
  #seedOf(run: number): number {
    const known = this.#seeds[run];
    if (known !== undefined) return known;
    const tile = this.#rows.tile(1, run);
    if (tile?.length !== TILE_WIDTH * HASH_LENGTH) throw new LeafIndexDamaged(`the log has no run ${run}`);
    const seed = crc32(tile);
    this.#seeds[run] = seed;
    return seed;
  }
}

/** Where `needle` lies among records of `width` bytes, at their beginning. */
function* positionsOf(records: Buffer, needle: Uint8Array, width: number): Generator<number, void> {
  for (let at = records.indexOf(needle); at !== -1; at = records.indexOf(needle, at + 1)) {
    if (at % width === 0) yield at;
  }
}
