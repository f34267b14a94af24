import { checkAppend } from "../../../core/merkle/check-append.ts";
import { MayflyError } from "../../../core/errors.ts";
import { tileWidthAt } from "../../../core/merkle/tile.ts";
import { HASH_LENGTH } from "../../../core/merkle/tree.ts";
import {
  DuplicateSubmission,
  type CommitBatch,
  type LogManifest,
  type LogSnapshot,
  type LogStore,
  type PublishedCheckpoint,
  type TreeHead,
} from "../../../ports/log-store.ts";
import { requireCommitted } from "../require-committed.ts";
import { emptyTreeHead } from "../empty-tree-head.ts";
import { judgeCheckpoint, requireFinalCheckpoint, requireUnfrozen, type PublishingState } from "../judge-checkpoint.ts";

/** What {@link createMemoryLogStore} needs. */
export interface MemoryLogStoreOptions {
  readonly manifest: LogManifest;
  /** Called when the store must not be used any more. */
  readonly onFatal: (error: MayflyError) => void;
}

/** A new, empty log that lives as long as the process: for development and tests. */
export function createMemoryLogStore(options: MemoryLogStoreOptions): LogStore {
  return new MemoryLogStore(options);
}

/** The rows of the log; a batch is built beside them and takes their place in one step. */
interface Rows {
  readonly tiles: Map<string, Uint8Array>;
  readonly issuers: Map<string, Uint8Array>;
  readonly entries: Uint8Array[];
  /** Leaf hash → lowest index. */
  readonly leaves: Map<string, number>;
}

class MemoryLogStore implements LogStore {
  #manifest: LogManifest;
  readonly #onFatal: (error: MayflyError) => void;
  readonly #rows: Rows = { tiles: new Map(), issuers: new Map(), entries: [], leaves: new Map() };
  readonly #submissions = new Map<string, number>();
  #head: TreeHead;
  #published: PublishedCheckpoint | undefined;
  #closed: MayflyError | undefined;

  constructor({ manifest, onFatal }: MemoryLogStoreOptions) {
    this.#manifest = manifest;
    this.#onFatal = onFatal;
    this.#head = emptyTreeHead(manifest);
  }

  manifest(): Promise<LogManifest> {
    return this.#whileOpen(() => this.#manifest);
  }

  head(): Promise<TreeHead> {
    return this.#whileOpen(() => this.#head);
  }

  append(build: (head: TreeHead) => CommitBatch): Promise<TreeHead> {
    return this.#whileOpen(() => {
      requireUnfrozen(this.#manifest.frozenMs !== undefined);
      return this.#commit(build(this.#head));
    });
  }

  publish(checkpoint: PublishedCheckpoint): Promise<"published" | "superseded"> {
    return this.#whileOpen(() => {
      const verdict = this.#orFatal(() => judgeCheckpoint(checkpoint, this.#publishingState()));
      if (verdict === "published") this.#published = checkpoint;
      return verdict;
    });
  }

  freeze(final: PublishedCheckpoint): Promise<void> {
    return this.#whileOpen(() => {
      this.#orFatal(() => {
        requireFinalCheckpoint(final, this.#publishingState());
      });
      this.#published = final;
      this.#manifest = { ...this.#manifest, frozenMs: final.timestampMs };
    });
  }

  published(): Promise<PublishedCheckpoint | undefined> {
    return this.#whileOpen(() => this.#published);
  }

  snapshot(): Promise<LogSnapshot> {
    return this.#whileOpen(() => {
      if (this.#published === undefined) throw new MayflyError("LOG_CLOSED", "nothing was published yet");
      return snapshotOf(this.#rows, this.#published);
    });
  }

  snapshotAt(checkpoint: PublishedCheckpoint): Promise<LogSnapshot> {
    return this.#whileOpen(() => {
      requireCommitted(checkpoint, this.#head);
      return snapshotOf(this.#rows, checkpoint);
    });
  }

  indexOfSubmission(key: Uint8Array): Promise<number | undefined> {
    return this.#whileOpen(() => this.#submissions.get(hexOf(key)));
  }

  close(): Promise<void> {
    this.#closed ??= new MayflyError("LOG_CLOSED", "the log is closed");
    return Promise.resolve();
  }

  #publishingState(): PublishingState {
    return {
      head: this.#head,
      published: this.#published,
      isFrozen: this.#manifest.frozenMs !== undefined,
      tileOf: (level, index) => this.#rows.tiles.get(tileKey(level, index)) ?? new Uint8Array(0),
    };
  }

  #commit(batch: CommitBatch): TreeHead {
    if (batch.previous !== this.#head) throw new TypeError("a batch continues the head that its builder was given");
    this.#requireNewSubmissions(batch);
    const tilesBefore = this.#rows.tiles;
    const tiles = new Map(batch.tiles.map(({ level, index, hashes }) => [tileKey(level, index), copyOf(hashes)]));
    const entries = batch.entries.map(({ stored }) => copyOf(stored));
    this.#orFatal(() => {
      checkAppend(batch, {
        entry: (index) => entries[index - batch.previous.size],
        tile: (level, index) => tiles.get(tileKey(level, index)),
        tileBefore: (level, index) => tilesBefore.get(tileKey(level, index)),
      });
    });
    this.#rows.entries.push(...entries);
    for (const [key, hashes] of tiles) this.#rows.tiles.set(key, hashes);
    for (const { fingerprint, der } of batch.issuers) this.#rows.issuers.set(hexOf(fingerprint), copyOf(der));
    batch.entries.forEach(({ submissionKey, leafHash }, at) => {
      const index = batch.previous.size + at;
      this.#submissions.set(hexOf(submissionKey), index);
      const leaf = hexOf(leafHash);
      if (!this.#rows.leaves.has(leaf)) this.#rows.leaves.set(leaf, index);
    });
    this.#head = batch.head;
    return batch.head;
  }

  #requireNewSubmissions(batch: CommitBatch): void {
    const existing = new Map<number, number>();
    batch.entries.forEach(({ submissionKey }, at) => {
      const index = this.#submissions.get(hexOf(submissionKey));
      if (index !== undefined) existing.set(at, index);
    });
    if (existing.size > 0) throw new DuplicateSubmission(existing);
    if (new Set(batch.entries.map(({ submissionKey }) => hexOf(submissionKey))).size !== batch.entries.length) {
      throw new MayflyError("LOG_WRITE_FAILED", "a batch holds one submission twice");
    }
  }

  #orFatal<T>(check: () => T): T {
    try {
      return check();
    } catch (cause) {
      const error = cause instanceof MayflyError ? cause : new MayflyError("LOG_CORRUPT", "check failed", { cause });
      // Any other reason is a refusal, and nothing has changed.
      if (error.reason !== "LOG_CORRUPT") throw error;
      this.#closed = new MayflyError("LOG_CLOSED", "the log failed and is closed", { cause: error });
      this.#onFatal(error);
      throw error;
    }
  }

  /** Runs an operation at once, giving its failure as a rejection. */
  #whileOpen<T>(operation: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (this.#closed !== undefined) throw this.#closed;
      resolve(operation());
    });
  }
}

function snapshotOf(rows: Rows, checkpoint: PublishedCheckpoint): LogSnapshot {
  return {
    checkpoint,
    tile: (level, index) => {
      const width = tileWidthAt(level, index, checkpoint.size);
      if (width === 0) return Promise.resolve(undefined);
      return Promise.resolve(rows.tiles.get(tileKey(level, index))?.slice(0, width * HASH_LENGTH));
    },
    entries: (start, end) =>
      Promise.resolve(rows.entries.slice(Math.max(0, start), Math.min(end, checkpoint.size)).map(copyOf)),
    issuer: (fingerprint) => Promise.resolve(rows.issuers.get(hexOf(fingerprint))),
    issuers: () =>
      Promise.resolve([...rows.issuers].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, der]) => copyOf(der))),
    indexOfLeaf: (leafHash) => {
      if (leafHash.length !== HASH_LENGTH) return Promise.reject(new RangeError("a leaf hash has 32 bytes"));
      const index = rows.leaves.get(hexOf(leafHash));
      return Promise.resolve(index !== undefined && index < checkpoint.size ? index : undefined);
    },
  };
}

function tileKey(level: number, index: number): string {
  return `${level}/${index}`;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
