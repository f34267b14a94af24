import { hash } from "node:crypto";
import { MayflyError } from "../core/errors.ts";
import { TILE_WIDTH } from "../core/merkle/tile.ts";
import { HASH_LENGTH } from "../core/merkle/tree.ts";
import type { LogSource } from "../ports/log-source.ts";
import {
  DuplicateSubmission,
  type LogStore,
  type NewEntry,
  type PublishedCheckpoint,
  type StoredIssuer,
  type TreeHead,
} from "../ports/log-store.ts";
import { buildCommit } from "./build-batch.ts";
import { packEntries, type EntryJudge, type PartVerdict } from "./entry-part.ts";
import { inOrder } from "./in-order.ts";
import { requireNotBehind, type LogMark } from "./log-marks.ts";
import type { LogProblem } from "./log-problem.ts";
import { makeIssuersOf } from "./verify-issuers.ts";

/** What a log is made from again, and what it must agree with. */
export interface AdoptLogOptions {
  /** A copy of the log. Nothing it gives is believed. */
  readonly source: LogSource;
  /** The copy's checkpoint, whose signatures were verified. */
  readonly checkpoint: PublishedCheckpoint;
  /** An empty store of the same log. */
  readonly store: LogStore;
  readonly judge: EntryJudge;
  /** Everything that is known of the log. */
  readonly marks: readonly LogMark[];
  /** Told after each part how many entries are in the store. */
  readonly onProgress?: (entries: number) => void;
}

/** Parts that are read and judged ahead of the one that is written: what is held in memory. */
const PARTS_AHEAD = 8;

/**
 * Makes a log again from a copy of it: every entry is judged, every hash computed anew, and the tree must be that of the
 * checkpoint and of all that is known of the log. When it returns, the store holds the whole log and has published the
 * copy's checkpoint, so that the log goes on with the next index. A store that was left in the middle is of no use.
 *
 * @throws MayflyError `log_failed`: LOG_ROLLED_BACK when the copy is behind a mark or has another history, LOG_CORRUPT when
 *   it is damaged, naming what is, SOURCE_UNAVAILABLE and SOURCE_INVALID when it cannot be read
 */
export async function adoptLog(options: AdoptLogOptions): Promise<TreeHead> {
  const { source, checkpoint, store, marks } = options;
  requireNotBehind({ location: source.location, size: checkpoint.size }, marks);
  const adoption = new Adoption(options);
  const head = await adoption.run();
  if (Buffer.compare(head.root, checkpoint.root) !== 0) {
    throw new MayflyError("LOG_CORRUPT", `the entries of ${source.location} do not make up the root of its checkpoint`);
  }
  if (head.size > 0 && head.timestampMs > checkpoint.timestampMs) {
    throw new MayflyError("LOG_CORRUPT", `the checkpoint of ${source.location} is older than an entry in it`);
  }
  await store.publish(checkpoint);
  return head;
}

/** Entries of one tile, as the copy has them and as they were judged. */
interface ReadPart {
  readonly start: number;
  readonly stored: readonly Uint8Array[];
  readonly issuers: readonly StoredIssuer[];
  readonly verdict: PartVerdict;
}

class Adoption {
  readonly #options: AdoptLogOptions;
  readonly #issuersOf: ReturnType<typeof makeIssuersOf>;
  readonly #issuerProblems: LogProblem[] = [];

  constructor(options: AdoptLogOptions) {
    this.#options = options;
    const { source } = options;
    this.#issuersOf = makeIssuersOf(
      (fingerprint) => source.issuer(fingerprint),
      (problem) => void this.#issuerProblems.push(problem),
    );
  }

  async run(): Promise<TreeHead> {
    const { store, onProgress } = this.#options;
    let head = await store.head();
    if (head.size !== 0) throw new RangeError(`a log is adopted into an empty store, not into one of ${head.size}`);
    this.#compareMarks(head);
    for await (const part of inOrder(this.#parts(), PARTS_AHEAD)) {
      head = await this.#append(part);
      this.#compareMarks(head);
      onProgress?.(head.size);
    }
    return head;
  }

  /** Each part lies in one tile, and ends where a mark does. */
  *#parts(): Generator<() => Promise<ReadPart>, void> {
    const { checkpoint, marks } = this.#options;
    for (let at = 0; at < checkpoint.size;) {
      const start = at;
      const tileEnd = start - (start % TILE_WIDTH) + TILE_WIDTH;
      const ends = marks.map(({ size }) => size).filter((size) => size > start);
      const end = Math.min(tileEnd, checkpoint.size, ...ends);
      yield () => this.#read(start, end);
      at = end;
    }
  }

  async #read(start: number, end: number): Promise<ReadPart> {
    const { source, checkpoint, judge } = this.#options;
    const stored: Uint8Array[] = [];
    while (start + stored.length < end) {
      const entries = await source.entries(start + stored.length, end, checkpoint.size);
      if (entries.length === 0 || entries.length > end - start - stored.length) {
        const asked = `entries ${start + stored.length} to ${end - 1}`;
        throw new MayflyError("SOURCE_INVALID", `${source.location} has ${entries.length} entries as ${asked}`);
      }
      stored.push(...entries);
    }
    const packed = packEntries(start, stored);
    const certificates = await this.#issuersOf(judge.referencesOf(packed));
    const issuers = certificates.map((der) => ({ fingerprint: hash("sha256", der, "buffer"), der }));
    return { start, stored, issuers, verdict: await judge.judge(packed, certificates) };
  }

  async #append({ start, stored, issuers, verdict }: ReadPart): Promise<TreeHead> {
    const problem = this.#issuerProblems[0] ?? verdict.problems[0];
    if (problem !== undefined) throw this.#damaged(problem.where, problem.what);
    const entries = stored.map((bytes, at): NewEntry => ({
      leafHash: hashAt(verdict.leafHashes, at),
      stored: bytes,
      storedSha256: hash("sha256", bytes, "buffer"),
      submissionKey: hashAt(verdict.submissionKeys, at),
    }));
    try {
      return await this.#options.store.append((previous) => ({
        ...buildCommit(previous, this.#newestTime(previous, { start, verdict }), entries),
        issuers,
      }));
    } catch (error) {
      if (!(error instanceof DuplicateSubmission)) throw error;
      const [[at, index] = [0, 0]] = error.existing;
      throw this.#damaged(`entry ${start + at}`, `is the same submission as entry ${index}`);
    }
  }

  /** Entries of this log are in the order of their times. */
  #newestTime(previous: TreeHead, { start, verdict }: Pick<ReadPart, "start" | "verdict">): number {
    let newestMs = start === 0 ? 0 : previous.timestampMs;
    for (const [at, timeMs] of verdict.timesMs.entries()) {
      if (Number.isNaN(timeMs)) throw this.#damaged(`entry ${start + at}`, "is missing");
      if (timeMs < newestMs) throw this.#damaged(`entry ${start + at}`, "is older than the entry before it");
      newestMs = timeMs;
    }
    return newestMs;
  }

  #compareMarks({ size, root }: TreeHead): void {
    const { source, marks } = this.#options;
    const other = marks.find(
      (mark) => mark.size === size && mark.root !== undefined && Buffer.compare(mark.root, root) !== 0,
    );
    if (other === undefined) return;
    throw new MayflyError(
      "LOG_ROLLED_BACK",
      `the first ${size} entries of ${source.location} are others than those that ${other.where} knows of`,
    );
  }

  #damaged(where: string, what: string): MayflyError {
    return new MayflyError("LOG_CORRUPT", `${this.#options.source.location}: ${where}: ${what}`);
  }
}

function hashAt(hashes: Uint8Array, at: number): Uint8Array {
  return hashes.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH);
}
