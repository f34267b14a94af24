import { dirname, resolve } from "node:path";
import { unpackBytes } from "../../../core/encoding/packed-bytes.ts";
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
import { requireUnfrozen } from "../judge-checkpoint.ts";
import { requireCommitted } from "../require-committed.ts";
import { requireDurableFileSystem, requireRegularFile, requireWritable } from "./file-system.ts";
import type { LogState } from "./log-state.ts";
import type { AppendResult } from "./log-writer.ts";
import { packBatch } from "./packed-batch.ts";
import { PLACE } from "./place.ts";
import type { ReaderCalls } from "./reader-calls.ts";
import { WorkerClient } from "./worker-client.ts";
import { workerUrl } from "./worker-url.ts";
import type { WriterCalls } from "./writer-calls.ts";

/** What {@link openSqliteLogStore} needs. */
export interface SqliteLogStoreOptions {
  /** The file that `createSqliteLog` made. */
  readonly path: string;
  /** Called when the store must not be used any more and the process should end; only a new start recovers. */
  readonly onFatal: (error: MayflyError) => void;
  /** Accepts file systems on which a log may be lost or two processes may not see each other's locks. */
  readonly allowAnyFilesystem?: boolean;
}

/**
 * Opens a log kept in one SQLite file. Two threads of its own do all file access: one writes, one reads what others ask
 * for; the second is started by the first who asks. A frozen log has none that writes: its file is only read.
 *
 * A second process on the same file does no harm: each transaction compares the head before it writes.
 *
 * @throws MayflyError `log_failed` when there is no such log, its parts do not belong together, or its file system is unsafe
 */
export async function openSqliteLogStore(options: SqliteLogStoreOptions): Promise<LogStore> {
  const path = resolve(options.path);
  if (options.allowAnyFilesystem !== true) await requireDurableFileSystem(dirname(path));
  await requireRegularFile(path);
  await requireWritable(path);
  const store = new SqliteLogStore(path, options.onFatal);
  try {
    await store.open();
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function missing(place: string): MayflyError {
  return new MayflyError("LOG_CORRUPT", `${place} is published, but missing or too short`);
}

/** Reasons after which only a new start tells what is true. */
const FATAL = new Set(["LOG_CORRUPT", "LOG_OUTCOME_UNKNOWN"]);

class SqliteLogStore implements LogStore {
  readonly #path: string;
  readonly #onFatal: (error: MayflyError) => void;
  readonly #onEnd: (error: MayflyError) => void;
  readonly #writer: WorkerClient<WriterCalls>;
  #reader: Promise<WorkerClient<ReaderCalls>> | undefined;
  /** The committed head as this process knows it; the writer compares it with the file. */
  #head: TreeHead | undefined;
  #published: Promise<PublishedCheckpoint | undefined> | undefined;
  /** What a frozen log says of itself for ever; its writer is gone. */
  #final: LogState | undefined;
  #opened = false;
  #closed: MayflyError | undefined;

  constructor(path: string, onFatal: (error: MayflyError) => void) {
    this.#path = path;
    this.#onFatal = onFatal;
    this.#onEnd = (error) => {
      this.#fail(error);
    };
    this.#writer = new WorkerClient(workerUrl("writer"), this.#onEnd);
  }

  async open(): Promise<void> {
    await this.#writer.call("open", this.#path);
    this.#head = (await this.#state()).head;
    this.#opened = true;
  }

  async manifest(): Promise<LogManifest> {
    return (await this.#state()).manifest;
  }

  async head(): Promise<TreeHead> {
    return (await this.#state()).head;
  }

  async append(build: (head: TreeHead) => CommitBatch): Promise<TreeHead> {
    for (;;) {
      this.#requireOpen();
      const previous = this.#head ?? (await this.head());
      const batch = build(previous);
      if (batch.previous !== previous) throw new TypeError("a batch continues the head that its builder was given");
      const result = await this.#write(() => this.#append(batch));
      switch (result.kind) {
        case "committed":
          this.#head = batch.head;
          return batch.head;
        case "moved":
          this.#head = result.head;
          break;
        case "duplicates":
          throw new DuplicateSubmission(new Map(result.existing));
      }
    }
  }

  publish(checkpoint: PublishedCheckpoint): Promise<"published" | "superseded"> {
    return this.#changePublished(() => this.#writer.call("publish", checkpoint));
  }

  async freeze(final: PublishedCheckpoint): Promise<void> {
    await this.#changePublished(() => this.#writer.call("freeze", final));
    await this.#state();
  }

  async published(): Promise<PublishedCheckpoint | undefined> {
    return (await this.#state()).published;
  }

  async snapshot(): Promise<LogSnapshot> {
    return this.#snapshotOf(await this.#readPublished());
  }

  async snapshotAt(checkpoint: PublishedCheckpoint): Promise<LogSnapshot> {
    this.#requireOpen();
    // Usually this process committed it; only where it did not, the writer's thread is asked.
    if (this.#head === undefined || this.#head.size < checkpoint.size) requireCommitted(checkpoint, await this.head());
    return this.#snapshotOf(checkpoint);
  }

  indexOfSubmission(key: Uint8Array): Promise<number | undefined> {
    return this.#read((reader) => reader.call("indexOfSubmission", key));
  }

  async close(): Promise<void> {
    this.#closed ??= new MayflyError("LOG_CLOSED", "the log is closed");
    // The reader first: whoever leaves a WAL last removes it, and a reader cannot.
    const reader = await this.#reader?.catch(() => undefined);
    await reader?.close();
    await this.#writer.close();
  }

  #append(batch: CommitBatch): Promise<AppendResult> {
    const packed = packBatch(batch);
    return this.#writer.call("append", packed, [packed.bytes.buffer]);
  }

  #snapshotOf(checkpoint: PublishedCheckpoint): LogSnapshot {
    return {
      checkpoint,
      tile: (level, index) => this.#tile(checkpoint.size, level, index),
      entries: (start, end) => this.#entries(Math.max(0, start), Math.min(end, checkpoint.size)),
      issuer: (fingerprint) => this.#read((reader) => reader.call("issuer", fingerprint)),
      issuers: () => this.#read((reader) => reader.call("issuers", undefined)),
      indexOfLeaf: (leafHash) => this.#indexOfLeaf(leafHash, checkpoint.size),
    };
  }

  async #tile(size: number, level: number, index: number): Promise<Uint8Array | undefined> {
    // The row may have grown since the checkpoint was published.
    const width = tileWidthAt(level, index, size);
    if (width === 0) return undefined;
    const hashes = await this.#read((reader) => reader.call("tile", { level, index }));
    if (hashes === undefined || hashes.length < width * HASH_LENGTH) throw missing(PLACE.tile(level, index));
    return hashes.subarray(0, width * HASH_LENGTH);
  }

  /** All of them are published, so each must be there. */
  async #entries(start: number, end: number): Promise<readonly Uint8Array[]> {
    const entries = unpackBytes(await this.#read((reader) => reader.call("entries", { start, end })));
    if (entries.length < end - start) throw missing(PLACE.entry(start + entries.length));
    return entries;
  }

  /**
   * The published row, as the file has it. It is read once for every time that it is written here, and not for every reader:
   * the data directory is this process's alone. If another one published all the same, its checkpoint would be seen after
   * the next of this one, which an idle log makes every minute.
   */
  async #readPublished(): Promise<PublishedCheckpoint> {
    this.#requireOpen();
    this.#published ??= this.#read((reader) => reader.call("published", undefined));
    const reading = this.#published;
    try {
      const checkpoint = await reading;
      if (checkpoint !== undefined) return checkpoint;
    } catch (error) {
      // The next one to ask may have more luck.
      if (this.#published === reading) this.#published = undefined;
      throw error;
    }
    throw new MayflyError("LOG_CLOSED", "nothing was published yet");
  }

  /** A row that may have been written is read again, whatever came of it: before anybody can know that it was. */
  async #changePublished<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await this.#write(operation);
    } finally {
      this.#published = undefined;
    }
  }

  /** Asks until the reader has indexed all of the tree, a part at a time, so that other reads come between. */
  async #indexOfLeaf(hash: Uint8Array, size: number): Promise<number | undefined> {
    if (hash.length !== HASH_LENGTH) throw new RangeError("a leaf hash has 32 bytes");
    for (;;) {
      const found = await this.#read((reader) => reader.call("indexOfLeaf", { hash, size }));
      if (found !== "indexing") return found;
    }
  }

  async #write<T>(operation: () => Promise<T>): Promise<T> {
    this.#requireOpen();
    requireUnfrozen(this.#final !== undefined);
    try {
      return await operation();
    } catch (error) {
      if (error instanceof MayflyError && FATAL.has(error.reason)) this.#fail(error);
      throw error;
    }
  }

  /** What the log says of itself, asked of the thread that writes it: by the one loop that has it written. */
  async #state(): Promise<LogState> {
    this.#requireOpen();
    if (this.#final !== undefined) return this.#final;
    const state = await this.#writer.call("state", undefined);
    if (state.manifest.frozenMs === undefined) return state;
    // Nothing is ever written any more: neither a thread nor the right to write is kept for it.
    this.#final = state;
    await this.#writer.close();
    return state;
  }

  /** Reads on behalf of others, who wait behind no write. */
  async #read<T>(operation: (reader: WorkerClient<ReaderCalls>) => Promise<T>): Promise<T> {
    this.#requireOpen();
    this.#reader ??= this.#openReader();
    return operation(await this.#reader);
  }

  /** A thread takes 13 MiB, and most logs are read from mirrors. One that could not open the file is tried again. */
  async #openReader(): Promise<WorkerClient<ReaderCalls>> {
    const reader = new WorkerClient<ReaderCalls>(workerUrl("reader"), this.#onEnd);
    try {
      await reader.call("open", this.#path);
      return reader;
    } catch (error) {
      this.#reader = undefined;
      await reader.close();
      throw error;
    }
  }

  #requireOpen(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }

  /** Ends the store's life, once. What fails while it is being opened is the opener's to report. */
  #fail(error: MayflyError): void {
    if (this.#closed !== undefined || !this.#opened) return;
    this.#closed = new MayflyError("LOG_CLOSED", "the log failed and is closed", { cause: error });
    this.#onFatal(error);
  }
}
