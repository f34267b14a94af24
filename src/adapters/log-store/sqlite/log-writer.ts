import type { DatabaseSync, StatementSync } from "node:sqlite";
import { MayflyError } from "../../../core/errors.ts";
import { checkAppend } from "../../../core/merkle/check-append.ts";
import type { PublishedCheckpoint, TreeHead } from "../../../ports/log-store.ts";
import { judgeCheckpoint, requireFinalCheckpoint, requireUnfrozen, type PublishingState } from "../judge-checkpoint.ts";
import { LogRows } from "./log-rows.ts";
import type { WriterBatch } from "./packed-batch.ts";
import { PLACE } from "./place.ts";
import { withChecksum } from "./row-checksum.ts";
import { tileKey } from "./schema.ts";
import { isDiskFull, sqliteFailure } from "./sqlite-failure.ts";

/** What became of a batch. */
export type AppendResult =
  | { readonly kind: "committed" }
  /** Another process moved the head: build again on this one. */
  | { readonly kind: "moved"; readonly head: TreeHead }
  /** Position in the batch and index in the log, for each entry that is there already. */
  | { readonly kind: "duplicates"; readonly existing: readonly (readonly [number, number])[] };

/** A transaction's body says whether what it wrote is to stay. */
interface Verdict<T> {
  readonly keep: boolean;
  readonly value: T;
}

/**
 * The transactions that write to a log; synchronous, on whatever thread they are called.
 *
 * They throw MayflyError: LOG_WRITE_FAILED, LOG_BUSY and LOG_DISK_FULL leave the log as it was, LOG_CORRUPT too, but
 * something is wrong that no further attempt will cure; after LOG_OUTCOME_UNKNOWN only opening the file anew tells what is
 * in it.
 */
export class LogWriter {
  readonly #database: DatabaseSync;
  readonly #rows: LogRows;
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#rows = new LogRows(database);
    this.#statements = prepareStatements(database);
  }

  /** Writes a batch if the head is still the one that it continues, and reads it back before COMMIT. */
  append(batch: WriterBatch): AppendResult {
    // FULL: the entries must survive a power cut once their head is signed.
    return this.#transaction("FULL", (): Verdict<AppendResult> => {
      const { size, root, isFrozen } = this.#rows.headTree();
      requireUnfrozen(isFrozen);
      if (size !== batch.previous.size || Buffer.compare(root, batch.previous.root) !== 0) {
        return { keep: false, value: { kind: "moved", head: this.#rows.head() } };
      }
      const existing = this.#writeSubmissions(batch);
      if (existing.length > 0) return { keep: false, value: { kind: "duplicates", existing } };
      this.#writeRows(batch);
      return { keep: true, value: { kind: "committed" } };
    });
  }

  /** Publishes a checkpoint if it is newer than the published one. */
  publish(checkpoint: PublishedCheckpoint): "published" | "superseded" {
    // NORMAL: what it signs is durable already, and a lost signature is made again at the next start.
    return this.#transaction("NORMAL", () => {
      const verdict = judgeCheckpoint(checkpoint, this.#publishingState());
      if (verdict === "published") this.#writePublished(checkpoint);
      return { keep: verdict === "published", value: verdict };
    });
  }

  /** Publishes the last checkpoint, and lets nothing follow it. */
  freeze(final: PublishedCheckpoint): void {
    // FULL: whoever was told that the log is frozen must not find it growing after a power cut.
    this.#transaction("FULL", () => {
      requireFinalCheckpoint(final, this.#publishingState());
      this.#writePublished(final);
      this.#writeHead(this.#rows.head(), final.timestampMs);
      return { keep: true, value: undefined };
    });
  }

  #publishingState(): PublishingState {
    const head = this.#rows.headTree();
    return {
      head,
      published: this.#rows.published(),
      isFrozen: head.isFrozen,
      tileOf: (level, index) => this.#rows.tile(level, index) ?? new Uint8Array(0),
    };
  }

  #writePublished({ size, root, timestampMs, note }: PublishedCheckpoint): void {
    this.#statements.publish.run(...withChecksum(PLACE.published, [size, root, timestampMs, note]));
  }

  #writeHead({ size, root, rightEdge, timestampMs }: Omit<TreeHead, "partialTiles">, frozenMs: number | null): void {
    const columns = [size, root, Buffer.concat(rightEdge), timestampMs, frozenMs];
    this.#statements.updateHead.run(...withChecksum(PLACE.head, columns));
  }

  /** @returns the entries that are in the log already, each as position in the batch and index */
  #writeSubmissions({ previous, entries }: WriterBatch): (readonly [number, number])[] {
    const { insertSubmission } = this.#statements;
    let known = 0;
    entries.forEach(({ submissionKey }, at) => {
      known += 1 - Number(insertSubmission.run(submissionKey, previous.size + at).changes);
    });
    if (known === 0) return [];
    const existing = entries.flatMap(({ submissionKey }, at) => {
      const index = this.#rows.indexOfSubmission(submissionKey);
      return index === undefined || index >= previous.size ? [] : [[at, index] as const];
    });
    if (existing.length === 0) throw new MayflyError("LOG_WRITE_FAILED", "a batch holds one submission twice");
    return existing;
  }

  #writeRows(batch: WriterBatch): void {
    const { insertEntry, replaceTile, insertIssuer } = this.#statements;
    const { previous, head, entries, tiles, issuers } = batch;
    const tilesBefore = new Map(
      tiles.map(({ level, index }) => [tileKey(level, index), this.#rows.tile(level, index)]),
    );
    entries.forEach(({ stored }, at) => {
      const index = previous.size + at;
      insertEntry.run(index, ...withChecksum(PLACE.entry(index), [stored]));
    });
    for (const { level, index, hashes } of tiles) {
      replaceTile.run(tileKey(level, index), ...withChecksum(PLACE.tile(level, index), [hashes]));
    }
    for (const { fingerprint, der } of issuers) {
      insertIssuer.run(fingerprint, ...withChecksum(PLACE.issuer(fingerprint), [der]));
    }
    this.#writeHead(head, null);
    this.#checkRows(batch, tilesBefore);
  }

  /** The second opinion, on what the database gives back. */
  #checkRows(batch: WriterBatch, tilesBefore: ReadonlyMap<number, Uint8Array | undefined>): void {
    const { previous, entries, tiles } = batch;
    const written = this.#rows.entries(previous.size, previous.size + entries.length);
    const tilesNow = new Map(tiles.map(({ level, index }) => [tileKey(level, index), this.#rows.tile(level, index)]));
    checkAppend(
      { previous, head: this.#rows.headTree(), entries, tiles },
      {
        entry: (index) => written[index - previous.size],
        tile: (level, index) => tilesNow.get(tileKey(level, index)),
        tileBefore: (level, index) => tilesBefore.get(tileKey(level, index)),
      },
    );
  }

  #transaction<T>(synchronous: "FULL" | "NORMAL", body: () => Verdict<T>): T {
    const { begin, rollback } = this.#statements;
    try {
      this.#database.exec(`PRAGMA synchronous = ${synchronous}`);
      begin.run();
      const { keep, value } = body();
      if (keep) this.#commit();
      else rollback.run();
      return value;
    } catch (cause) {
      if (cause instanceof MayflyError && cause.reason === "LOG_OUTCOME_UNKNOWN") throw cause;
      this.#rollBackAfter(cause);
      throw sqliteFailure(cause, "LOG_WRITE_FAILED", "a batch could not be written");
    }
  }

  #commit(): void {
    try {
      this.#statements.commit.run();
    } catch (cause) {
      // No room for a page of the WAL: the frame that ends a transaction is its last, so there is none, and SQLite has
      // rolled back. Callers may try again when there is room.
      if (isDiskFull(cause) && !this.#database.isTransaction) throw cause;
      // Nobody can say how much of it reached the disk, and asking again would not tell.
      throw new MayflyError("LOG_OUTCOME_UNKNOWN", "COMMIT failed", { cause });
    }
  }

  #rollBackAfter(cause: unknown): void {
    try {
      if (this.#database.isTransaction) this.#statements.rollback.run();
    } catch {
      throw new MayflyError("LOG_OUTCOME_UNKNOWN", "a failed batch could not be rolled back", { cause });
    }
  }
}

function prepareStatements(database: DatabaseSync): Readonly<Record<StatementName, StatementSync>> {
  return {
    begin: database.prepare("BEGIN IMMEDIATE"),
    commit: database.prepare("COMMIT"),
    rollback: database.prepare("ROLLBACK"),
    insertSubmission: database.prepare("INSERT INTO submission VALUES (?, ?) ON CONFLICT DO NOTHING"),
    insertEntry: database.prepare("INSERT INTO entry VALUES (?, ?, ?)"),
    replaceTile: database.prepare(
      "INSERT INTO tile VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET hashes = excluded.hashes, checksum = excluded.checksum",
    ),
    insertIssuer: database.prepare("INSERT INTO issuer VALUES (?, ?, ?) ON CONFLICT DO NOTHING"),
    updateHead: database.prepare(
      "UPDATE head SET size = ?, root = ?, right_edge = ?, timestamp_ms = ?, frozen_ms = ?, checksum = ?",
    ),
    publish: database.prepare("INSERT OR REPLACE INTO published VALUES (1, ?, ?, ?, ?, ?)"),
  };
}

type StatementName =
  | "begin"
  | "commit"
  | "rollback"
  | "insertSubmission"
  | "insertEntry"
  | "replaceTile"
  | "insertIssuer"
  | "updateHead"
  | "publish";
