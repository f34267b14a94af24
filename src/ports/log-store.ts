import type { PackedBytes } from "../core/encoding/packed-bytes.ts";

/** What `log init` fixes for the life of a log shard, and whether that life is over. */
export interface LogManifest {
  readonly formatVersion: 1;
  /** Origin line of checkpoints: the log's URL without scheme and trailing slash (C2SP static-ct-api). */
  readonly origin: string;
  /** SHA-256 of the DER SubjectPublicKeyInfo of the P-256 log key (RFC 6962 §3.2). */
  readonly logId: Uint8Array;
  /** DER SubjectPublicKeyInfo of the P-256 key that signs SCTs and tree heads. */
  readonly logPublicKey: Uint8Array;
  /** DER SubjectPublicKeyInfo of the Ed25519 key that signs checkpoints for witnesses. */
  readonly checkpointPublicKey: Uint8Array;
  readonly createdMs: number;
  /** Time of the checkpoint that {@link LogStore.freeze} made the last one; absent while the log takes entries. */
  readonly frozenMs?: number;
}

/** A committed state of the tree. */
export interface TreeHead {
  readonly size: number;
  /** RFC 6962 §2.1 Merkle tree hash, 32 bytes. */
  readonly root: Uint8Array;
  /** Hashes of the perfect subtrees that `size` is made of, left to right (largest first), 32 bytes each. */
  readonly rightEdge: readonly Uint8Array[];
  /** By level: the hashes of its last hash tile when that is partial, no bytes otherwise (C2SP tlog-tiles). */
  readonly partialTiles: readonly Uint8Array[];
  /** Time of the batch that made this head; no SCT under it is later. */
  readonly timestampMs: number;
}

/** One entry of a batch, in log order. */
export interface NewEntry {
  /** SHA-256 leaf hash (RFC 6962 §2.1), 32 bytes. */
  readonly leafHash: Uint8Array;
  /** The bytes that data tiles are made of; the store does not look inside. */
  readonly stored: Uint8Array;
  /** SHA-256 of `stored`, against which the row is checked after it was written. */
  readonly storedSha256: Uint8Array;
  /** What makes two submissions the same one, 32 bytes; unique in a log. */
  readonly submissionKey: Uint8Array;
}

/** A hash tile (C2SP tlog-tiles) as it stands after the batch; a partial tile is replaced by its wider self. */
export interface TileWrite {
  readonly level: number;
  readonly index: number;
  /** 1 to 256 hashes of 32 bytes. */
  readonly hashes: Uint8Array;
}

/** A certificate that entries refer to by fingerprint; written before or with the first entry that needs it. */
export interface StoredIssuer {
  /** SHA-256 of `der`. */
  readonly fingerprint: Uint8Array;
  readonly der: Uint8Array;
}

/** Everything one transaction makes durable. */
export interface CommitBatch {
  /** The head this batch was built on; the store compares it with the committed one. */
  readonly previous: TreeHead;
  readonly head: TreeHead;
  readonly entries: readonly NewEntry[];
  readonly tiles: readonly TileWrite[];
  readonly issuers: readonly StoredIssuer[];
}

/** A signed checkpoint as readers get it. */
export interface PublishedCheckpoint {
  readonly size: number;
  readonly root: Uint8Array;
  /** Time the signature carries; at least the head's. */
  readonly timestampMs: number;
  /** The whole signed note (C2SP signed-note), UTF-8. */
  readonly note: string;
}

/** A consistent read view, bounded by one published checkpoint: nothing beyond it is visible. */
export interface LogSnapshot {
  readonly checkpoint: PublishedCheckpoint;
  /**
   * Hashes of a tile, cut to what the checkpoint covers.
   *
   * @returns up to 256 hashes of 32 bytes; undefined when the checkpoint covers none of it
   */
  tile(level: number, index: number): Promise<Uint8Array | undefined>;
  /** Stored bytes of the entries `start` ≤ index < `end`; `end` is cut to the checkpoint's size. */
  entries(start: number, end: number): Promise<readonly Uint8Array[]>;
  issuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined>;
  /** DER of every certificate that entries refer to, in the order of their fingerprints; a few for each CA there was. */
  issuers(): Promise<readonly Uint8Array[]>;
  /**
   * Looks up an entry by its Merkle leaf hash (RFC 6962 §2.1).
   *
   * @param leafHash 32 bytes
   * @returns the lowest index below the checkpoint's size; undefined when there is no such entry
   * @throws RangeError unless the hash has 32 bytes
   */
  indexOfLeaf(leafHash: Uint8Array): Promise<number | undefined>;
}

/** Some rows of the index against which new submissions are compared, side by side in the order of their keys. */
export interface SubmissionRows {
  /** How many lead to entries of the head. */
  readonly ofHead: number;
  /** How many have a key that is not 32 bytes long. */
  readonly malformed: number;
  /** Key of the last; undefined when there are none. */
  readonly lastKey: Uint8Array | undefined;
}

/**
 * Every record that a store holds of a log, for whoever checks all of it. Head and published checkpoint are of one moment;
 * the other records are read when they are asked for, and may have grown since.
 */
export interface LogRecords {
  readonly manifest: LogManifest;
  readonly head: TreeHead;
  readonly published: PublishedCheckpoint | undefined;
  /** One more than the highest index of an entry's record, in the moment of the head. */
  readonly endOfEntries: number;
  /** Stored bytes of the entries `start` ≤ index < `end`, as far as there are such records. */
  entries(start: number, end: number): Promise<readonly Uint8Array[]>;
  /** The same in one piece of memory, which the caller may give away. */
  packedEntries(start: number, end: number): Promise<PackedBytes>;
  /** The hashes of a tile as they are stored. */
  tile(level: number, index: number): Promise<Uint8Array | undefined>;
  issuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined>;
  /**
   * Looks up several submissions at once.
   *
   * @param keys 32 bytes each, one after the other
   * @returns the index for each of them, undefined for those that are not known
   */
  indexesOfSubmissions(keys: Uint8Array): Promise<readonly (number | undefined)[]>;
  /** At most `limit` rows of the index of submissions, from the key `from` on. */
  submissionRows(from: Uint8Array, limit: number): Promise<SubmissionRows>;
}

/** Thrown by {@link LogStore.append}: some entries are in the log already. Nothing of the batch was written. */
export class DuplicateSubmission extends Error {
  override readonly name = "DuplicateSubmission";
  /** Position in the batch → index in the log. */
  readonly existing: ReadonlyMap<number, number>;

  constructor(existing: ReadonlyMap<number, number>) {
    super(`${String(existing.size)} entries of the batch are in the log already`);
    this.existing = existing;
  }
}

/**
 * Durable, linear history of one log shard. One implementation per storage engine; one contract suite runs on each.
 *
 * A failure inside `append` before COMMIT leaves the log as it was: MayflyError `log_failed` (LOG_WRITE_FAILED), or
 * `log_unavailable` (LOG_BUSY, LOG_DISK_FULL) where waiting helps.
 * A failure in or after COMMIT has an unknown outcome: the store calls the `onFatal` it was opened with and rejects
 * everything from then on; only start-up recovers.
 *
 * A record that is not as it was written is never given out: MayflyError `log_failed` (LOG_CORRUPT) names its place.
 */
export interface LogStore {
  /** Written once by `log init`. */
  manifest(): Promise<LogManifest>;
  /** The committed head. A new log has size 0 and the hash of the empty string. */
  head(): Promise<TreeHead>;
  /**
   * Calls `build` with the committed head and makes its batch durable in ONE transaction, in which the rows are read
   * back and checked before COMMIT. `build` is pure and may be called again when the head moved meanwhile.
   *
   * @throws DuplicateSubmission when `submissionKey` of an entry is in the log
   * @throws MayflyError `log_failed` (LOG_FROZEN) when the log is frozen
   */
  append(build: (head: TreeHead) => CommitBatch): Promise<TreeHead>;
  /**
   * Publishes a signed checkpoint iff it is newer than the published one (size, then timestamp).
   *
   * @throws MayflyError `log_failed` (LOG_FROZEN) when the log is frozen
   */
  publish(checkpoint: PublishedCheckpoint): Promise<"published" | "superseded">;
  /**
   * Ends the log's growth for ever: publishes its last checkpoint and marks the log frozen in one transaction. Reading goes
   * on as ever; nothing can be appended or published any more, by any process.
   *
   * @param final of the committed head, and no older than the published checkpoint
   * @throws MayflyError `log_failed`: LOG_FROZEN when the log is frozen already, LOG_WRITE_FAILED when `final` is of an
   *   earlier head or older than what is published; then nothing has changed
   */
  freeze(final: PublishedCheckpoint): Promise<void>;
  published(): Promise<PublishedCheckpoint | undefined>;
  /** @throws MayflyError `log_unavailable` when nothing was published yet */
  snapshot(): Promise<LogSnapshot>;
  /**
   * The view that a signed checkpoint of a committed tree will give once it is published, for whoever is shown it before.
   *
   * @throws MayflyError `log_failed` (LOG_CORRUPT) when fewer entries are committed
   */
  snapshotAt(checkpoint: PublishedCheckpoint): Promise<LogSnapshot>;
  /** Index of the entry whose `submissionKey` this is. */
  indexOfSubmission(key: Uint8Array): Promise<number | undefined>;
  close(): Promise<void>;
}
