import { TILE_WIDTH } from "../core/merkle/tile.ts";
import { appendToRightEdge, HASH_LENGTH, leafHash, rootOfRightEdge } from "../core/merkle/tree.ts";
import type { LogRecords } from "../ports/log-store.ts";
import { noteProblem, type OnProblem } from "./log-problem.ts";
import { makeIssuersOf, type IssuersOf } from "./verify-issuers.ts";
import { verifySubmissionCount, verifySubmissions, type LoggedSubmission } from "./verify-submissions.ts";
import { differenceOfTile, UpperTiles } from "./verify-tiles.ts";

/** What an entry's stored bytes say. */
export interface DecodedEntry {
  /** What the leaf hash is computed over (RFC 6962 §2.1), without the prefix byte. */
  readonly leafInput: Uint8Array;
  readonly timestampMs: number;
  /** De-duplication key, 32 bytes. */
  readonly submissionKey: Uint8Array;
  /** Fingerprints of what the entry refers to. */
  readonly issuers: readonly Uint8Array[];
  /**
   * Checks what the tree does not commit to, once it is known what the entry refers to.
   *
   * @param issuers in the order of the fingerprints; the same bytes are the same object each time
   * @throws MayflyError `log_failed` (LOG_CORRUPT)
   */
  verify(issuers: readonly Uint8Array[]): void;
}

/** @throws MayflyError `log_failed` (LOG_CORRUPT) when the bytes are no entry, or the entry of another index */
export type DecodeEntry = (stored: Uint8Array, index: number) => DecodedEntry;

/** A tree that somebody says this log had. */
export interface StatedTreeOfLog {
  /** Who says so, for problems: `head`, `published checkpoint`. */
  readonly where: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** No entry of the tree is later. */
  readonly timestampMs: number;
}

/** How {@link verifyLog} reads entries, and what it compares with. */
export interface VerifyLogOptions {
  readonly decodeEntry: DecodeEntry;
  /** Compared with the tree of the entries, beside the head. */
  readonly stated: readonly StatedTreeOfLog[];
  readonly onProblem: OnProblem;
  /** Told after each part how many entries were read. */
  readonly onProgress?: (entries: number) => void;
}

/** How much was compared. */
export interface VerifiedLog {
  readonly entries: number;
  readonly tiles: number;
}

/**
 * Verifies a whole log from its stored entries alone: each leaf hash, every tile of every level, the index of
 * submissions in both directions, what entries refer to, the order of times, and the root of every tree that was stated.
 * One pass in bounded memory; damage is reported and stepped over. Goes up to the committed head that `records` has, and
 * not beyond: a log may be written to meanwhile.
 *
 * @throws what {@link noteProblem} does not take for damage
 */
export async function verifyLog(records: LogRecords, options: VerifyLogOptions): Promise<VerifiedLog> {
  const verification = new LogVerification(records, options);
  return verification.run();
}

/** One data tile's worth of records. */
interface Part {
  readonly start: number;
  readonly stored: readonly (Uint8Array | undefined)[];
  readonly tile: Uint8Array | undefined;
}

class LogVerification {
  readonly #records: LogRecords;
  readonly #options: VerifyLogOptions;
  readonly #upperTiles: UpperTiles;
  readonly #issuersOf: IssuersOf;
  readonly #stated: readonly StatedTreeOfLog[];
  #size = 0;
  #rightEdge: readonly Uint8Array[] = [];
  /** Of the entry before. */
  #lastMs = 0;
  #newestMs = 0;

  constructor(records: LogRecords, options: VerifyLogOptions) {
    this.#records = records;
    this.#options = options;
    this.#upperTiles = new UpperTiles(records, options.onProblem);
    this.#issuersOf = makeIssuersOf(records);
    this.#stated = [{ where: "head", ...records.head }, ...options.stated];
  }

  async run(): Promise<VerifiedLog> {
    const { size } = this.#records.head;
    this.#compareTrees();
    let next = this.#read(0);
    for (let start = 0; start < size; start += TILE_WIDTH) {
      const part = await next;
      // The next part is read while this one is hashed.
      next = this.#read(start + TILE_WIDTH);
      await this.#verifyPart(part);
      this.#options.onProgress?.(this.#size);
    }
    await this.#upperTiles.end();
    await verifySubmissionCount(this.#records, this.#options.onProblem);
    this.#compareEnds();
    return { entries: size, tiles: Math.ceil(size / TILE_WIDTH) + this.#upperTiles.compared };
  }

  async #read(start: number): Promise<Part> {
    const end = Math.min(start + TILE_WIDTH, this.#records.head.size);
    if (start >= end) return { start, stored: [], tile: undefined };
    const { onProblem } = this.#options;
    const index = start / TILE_WIDTH;
    const [stored, tile] = await Promise.all([
      this.#readEntries(start, end),
      noteProblem(`tile 0/${index}`, onProblem, () => this.#records.tile(0, index)),
    ]);
    return { start, stored, tile };
  }

  async #readEntries(start: number, end: number): Promise<readonly (Uint8Array | undefined)[]> {
    const together = await noteProblem(`entries ${start} to ${end - 1}`, this.#options.onProblem, () =>
      this.#records.entries(start, end),
    );
    if (together?.length === end - start) return together;
    // One by one, to learn which of them it is.
    const indexes = Array.from({ length: end - start }, (_, at) => start + at);
    return Promise.all(
      indexes.map((index) =>
        noteProblem(`entry ${index}`, this.#options.onProblem, async () => {
          const [stored] = await this.#records.entries(index, index + 1);
          if (stored === undefined) this.#options.onProblem({ where: `entry ${index}`, what: "is missing" });
          return stored;
        }),
      ),
    );
  }

  async #verifyPart({ start, stored, tile }: Part): Promise<void> {
    const submissions: LoggedSubmission[] = [];
    const leaves: Uint8Array[] = [];
    for (const [at, bytes] of stored.entries()) {
      const index = start + at;
      const entry = bytes === undefined ? undefined : await this.#decode(bytes, index);
      if (entry !== undefined) submissions.push({ index, submissionKey: entry.submissionKey });
      // Where an entry is lost, the tree goes on with what its tile remembers, so that what comes after can be judged.
      const hash = entry === undefined ? hashInTile(tile, at) : leafHash(entry.leafInput);
      leaves.push(hash);
      this.#append(hash, entry?.timestampMs ?? this.#lastMs);
    }
    await verifySubmissions(this.#records, submissions, this.#options.onProblem);
    const hashes = Buffer.concat(leaves);
    const what = differenceOfTile(tile, hashes);
    if (what !== undefined) this.#options.onProblem({ where: `tile 0/${start / TILE_WIDTH}`, what });
    if (leaves.length === TILE_WIDTH) await this.#upperTiles.add(hashes);
  }

  #decode(stored: Uint8Array, index: number): Promise<DecodedEntry | undefined> {
    return noteProblem(`entry ${index}`, this.#options.onProblem, async () => {
      const entry = this.#options.decodeEntry(stored, index);
      await noteProblem(`entry ${index}`, this.#options.onProblem, async () => {
        entry.verify(await this.#issuersOf(entry.issuers));
      });
      return entry;
    });
  }

  #append(hash: Uint8Array, timestampMs: number): void {
    if (timestampMs < this.#lastMs) {
      this.#options.onProblem({ where: `entry ${this.#size}`, what: "is older than the entry before it" });
    }
    this.#rightEdge = appendToRightEdge(this.#rightEdge, this.#size, hash);
    this.#lastMs = timestampMs;
    this.#newestMs = Math.max(this.#newestMs, timestampMs);
    this.#size += 1;
    this.#compareTrees();
  }

  /** Compares every stated tree that has as many entries as were read. */
  #compareTrees(): void {
    for (const { where, size, root, timestampMs } of this.#stated) {
      if (size !== this.#size) continue;
      if (Buffer.compare(root, rootOfRightEdge(this.#rightEdge)) !== 0) {
        this.#options.onProblem({ where, what: `its root is not that of the first ${size} entries` });
      }
      if (timestampMs < this.#newestMs) {
        this.#options.onProblem({ where, what: "is older than an entry in it" });
      }
    }
  }

  #compareEnds(): void {
    const { head, endOfEntries } = this.#records;
    const { onProblem } = this.#options;
    if (endOfEntries !== head.size) {
      onProblem({ where: "head", what: `counts ${head.size} entries, but they reach to ${endOfEntries}` });
    }
    if (Buffer.compare(Buffer.concat(head.rightEdge), Buffer.concat(this.#rightEdge)) !== 0) {
      onProblem({ where: "head", what: "its right edge is not that of the entries" });
    }
    for (const { where, size } of this.#stated) {
      if (size > head.size) onProblem({ where, what: `states ${size} entries, but the log has ${head.size}` });
    }
  }
}

function hashInTile(tile: Uint8Array | undefined, at: number): Uint8Array {
  const hash = tile?.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH);
  return hash?.length === HASH_LENGTH ? hash : new Uint8Array(HASH_LENGTH);
}
