import { packBytes, unpackAt, type PackedBytes } from "../core/encoding/packed-bytes.ts";
import type { LogProblem, OnProblem } from "./log-problem.ts";

/** Entries of a log that are judged together, at most the 256 of one data tile, packed so that they can change threads. */
export interface EntryPart extends PackedBytes {
  /** Index of the first. An entry that could not be had is one without bytes. */
  readonly start: number;
}

/** What the stored bytes of a part say. Positions are counted from its first entry. */
export interface PartVerdict {
  /** Leaf hashes (RFC 6962 §2.1), 32 bytes each; zeros for entries that were not read. */
  readonly leafHashes: Uint8Array<ArrayBuffer>;
  /** Hash of the full tile of level 0 that these are; undefined when they are not 256, or one was not read. */
  readonly tileHash: Uint8Array | undefined;
  /** Milliseconds since the Unix epoch; NaN for entries that were not read. */
  readonly timesMs: Float64Array<ArrayBuffer>;
  /** De-duplication keys, 32 bytes each; no bytes where nobody wants them. */
  readonly submissionKeys: Uint8Array<ArrayBuffer>;
  /** In the order of the entries. */
  readonly problems: readonly LogProblem[];
}

/** Who knows what the entries of a log are. */
export interface EntryJudge {
  /** Fingerprints of everything that the entries refer to, each of them once. */
  referencesOf(part: EntryPart): readonly Uint8Array[];
  /**
   * Judges each entry by itself: its leaf hash, and whether it is what it says.
   *
   * @param part is given away: its arrays may be empty afterwards
   * @param certificates what the entries refer to, as far as there is such a thing
   */
  judge(part: EntryPart, certificates: readonly Uint8Array[]): Promise<PartVerdict>;
}

const NOTHING = new Uint8Array(0);

/** Puts entries side by side; undefined is an entry that could not be had. */
export function packEntries(start: number, stored: readonly (Uint8Array | undefined)[]): EntryPart {
  return { start, ...packBytes(stored.map((entry) => entry ?? NOTHING)) };
}

/** As {@link packEntries}, of entries that were read. The judge passes over one without bytes, so it is told of here. */
export function packReadEntries(
  start: number,
  stored: readonly (Uint8Array | undefined)[],
  onProblem: OnProblem,
): EntryPart {
  for (const [at, entry] of stored.entries()) {
    if (entry?.length === 0) onProblem({ where: `entry ${start + at}`, what: "is empty" });
  }
  return packEntries(start, stored);
}

/** Stored bytes of the entry at a position of the part, a view; undefined where the entry could not be had. */
export function entryAt(part: EntryPart, at: number): Uint8Array | undefined {
  const entry = unpackAt(part, at);
  return entry.length === 0 ? undefined : entry;
}
