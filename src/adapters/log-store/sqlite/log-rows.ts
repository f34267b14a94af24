import type { DatabaseSync, StatementSync } from "node:sqlite";
import { subtreeHash, TILE_WIDTH, tileWidthAt } from "../../../core/merkle/tile.ts";
import { HASH_LENGTH, rootOfRightEdge } from "../../../core/merkle/tree.ts";
import { MayflyError } from "../../../core/errors.ts";
import type { LogManifest, PublishedCheckpoint, SubmissionRows, TreeHead } from "../../../ports/log-store.ts";
import { PLACE } from "./place.ts";
import { findRow, requireRow, Row } from "./row.ts";
import { tileKey } from "./schema.ts";
import { sqliteFailure } from "./sqlite-failure.ts";

/** What every transaction that writes asks for first. */
export interface HeadTree extends Pick<TreeHead, "size" | "root"> {
  /** Whether the log takes nothing any more. */
  readonly isFrozen: boolean;
}

/** Which rows of the index of submissions are counted. */
export interface SubmissionPage {
  readonly size: number;
  readonly from: Uint8Array;
  readonly limit: number;
}

/**
 * The rows of a log's database as values; the same for the writer, inside its transaction, and for readers. Each row is
 * compared with its checksum: one that is not as it was written is LOG_CORRUPT, with its place.
 */
export class LogRows {
  readonly #manifest: StatementSync;
  readonly #head: StatementSync;
  readonly #published: StatementSync;
  readonly #entries: StatementSync;
  readonly #lastEntry: StatementSync;
  readonly #tile: StatementSync;
  readonly #submission: StatementSync;
  readonly #indexesOfSubmissions: StatementSync;
  readonly #submissionRows: StatementSync;
  readonly #issuer: StatementSync;
  readonly #issuers: StatementSync;

  constructor(database: DatabaseSync) {
    this.#manifest = database.prepare("SELECT * FROM manifest");
    this.#head = database.prepare("SELECT * FROM head");
    this.#published = database.prepare("SELECT * FROM published");
    this.#entries = database.prepare("SELECT * FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx");
    this.#lastEntry = database.prepare("SELECT coalesce(max(idx), -1) AS last FROM entry");
    this.#tile = database.prepare("SELECT hashes, checksum FROM tile WHERE key = ?");
    this.#submission = database.prepare("SELECT idx FROM submission WHERE key = ?");
    // One statement for many keys: a look-up costs 0.7 µs, and with a statement for each 2.1 µs. Each row of `n` follows from
    // the one before, so they come in order.
    this.#indexesOfSubmissions = database.prepare(
      `WITH RECURSIVE n(at) AS (SELECT 0 UNION ALL SELECT at + 1 FROM n WHERE at + 1 < ?2)
      SELECT (SELECT idx FROM submission WHERE key = substr(?1, at * ${HASH_LENGTH} + 1, ${HASH_LENGTH})) AS idx FROM n`,
    );
    this.#submissionRows = database.prepare(
      `SELECT count(*) FILTER (WHERE idx < ?) AS of_head, count(*) FILTER (WHERE length(key) <> ?) AS malformed,
      max(key) AS last_key FROM (SELECT key, idx FROM submission WHERE key >= ? ORDER BY key LIMIT ?)`,
    );
    this.#issuer = database.prepare("SELECT der, checksum FROM issuer WHERE fingerprint = ?");
    this.#issuers = database.prepare("SELECT fingerprint, der, checksum FROM issuer ORDER BY fingerprint");
  }

  manifest(): LogManifest {
    const row = requireRecord("manifest", this.#manifest);
    if (row.integer("format_version") !== 1) throw new MayflyError("LOG_CORRUPT", "manifest of an unknown format");
    const frozenMs = this.#headRow().optionalInteger("frozen_ms");
    return {
      formatVersion: 1,
      origin: row.text("origin"),
      logId: row.blob("log_id"),
      logPublicKey: row.blob("log_public_key"),
      checkpointPublicKey: row.blob("checkpoint_public_key"),
      createdMs: row.integer("created_ms"),
      ...(frozenMs === undefined ? {} : { frozenMs }),
    };
  }

  head(): TreeHead {
    const row = this.#headRow();
    const size = row.integer("size");
    return {
      size,
      root: row.blob("root"),
      rightEdge: splitHashes(row.blob("right_edge")),
      partialTiles: this.#partialTiles(size),
      timestampMs: row.integer("timestamp_ms"),
    };
  }

  /** Size and root of the head alone, as often as a transaction needs them, and whether it is the last one. */
  headTree(): HeadTree {
    const row = this.#headRow();
    const isFrozen = row.optionalInteger("frozen_ms") !== undefined;
    return { size: row.integer("size"), root: row.blob("root"), isFrozen };
  }

  published(): PublishedCheckpoint | undefined {
    const row = reading(PLACE.published, () => findRow(this.#published)?.requireIntact("published", PLACE.published));
    if (row === undefined) return undefined;
    return {
      size: row.integer("size"),
      root: row.blob("root"),
      timestampMs: row.integer("timestamp_ms"),
      note: row.text("note"),
    };
  }

  /**
   * Stored bytes of the entries `start` ≤ index < `end`, as far as there are such entries.
   *
   * @throws MayflyError `log_failed` (LOG_CORRUPT) when one between others is missing
   */
  entries(start: number, end: number): Uint8Array[] {
    const first = Math.max(0, start);
    const found = reading(`entries ${first} to ${end - 1}`, () => this.#entries.all(first, end));
    return found.map((columns, at) => {
      const row = new Row(columns);
      const place = PLACE.entry(first + at);
      if (row.integer("idx") !== first + at) throw new MayflyError("LOG_CORRUPT", `${place} is missing`);
      return row.requireIntact("entry", place).blob("stored");
    });
  }

  /** One more than the highest index of an entry. */
  endOfEntries(): number {
    return reading("entries", () => requireRow(this.#lastEntry).integer("last") + 1);
  }

  tile(level: number, index: number): Uint8Array | undefined {
    const place = PLACE.tile(level, index);
    return reading(place, () =>
      findRow(this.#tile, tileKey(level, index))?.requireIntact("tile", place).blob("hashes"),
    );
  }

  indexOfSubmission(key: Uint8Array): number | undefined {
    return reading(SUBMISSIONS, () => findRow(this.#submission, key)?.integer("idx"));
  }

  /** Index of each submission, undefined for those that are not known; keys are 32 bytes each, one after the other. */
  indexesOfSubmissions(keys: Uint8Array): (number | undefined)[] {
    if (keys.length === 0) return [];
    return reading(SUBMISSIONS, () => this.#indexesOfSubmissions.all(keys, keys.length / HASH_LENGTH)).map((columns) =>
      new Row(columns).optionalInteger("idx"),
    );
  }

  /** At most `limit` rows of the index of submissions, from the key `from` on; the head has `size` entries. */
  submissionRows({ size, from, limit }: SubmissionPage): SubmissionRows {
    const row = reading(SUBMISSIONS, () => requireRow(this.#submissionRows, size, HASH_LENGTH, from, limit));
    return {
      ofHead: row.integer("of_head"),
      malformed: row.integer("malformed"),
      lastKey: row.optionalBlob("last_key"),
    };
  }

  issuer(fingerprint: Uint8Array): Uint8Array | undefined {
    const place = PLACE.issuer(fingerprint);
    return reading(place, () => findRow(this.#issuer, fingerprint)?.requireIntact("issuer", place).blob("der"));
  }

  /** DER of all of them, in the order of their fingerprints. */
  issuers(): Uint8Array[] {
    return reading("issuers", () => this.#issuers.all()).map((columns) => {
      const row = new Row(columns);
      return row.requireIntact("issuer", PLACE.issuer(row.blob("fingerprint"))).blob("der");
    });
  }

  /**
   * Checks that head, entries, right-edge tiles and published checkpoint belong together. What lies further left is
   * checked by reading the whole log.
   *
   * @throws MayflyError `log_failed` (LOG_CORRUPT)
   */
  requireConsistent(): void {
    const { size, root, rightEdge } = this.head();
    if (this.endOfEntries() !== size) throw inconsistent("entries");
    if (!isEqual(rootOfRightEdge(rightEdge), root)) throw inconsistent("right edge");
    if (!isEqual(this.#rootOf(size), root)) throw inconsistent("tiles");
    this.#requirePublishedOf(size);
  }

  #requirePublishedOf(size: number): void {
    const { frozenMs } = this.manifest();
    const published = this.published();
    if (frozenMs !== undefined && (published?.size !== size || published.timestampMs !== frozenMs)) {
      throw new MayflyError("LOG_CORRUPT", "the log is frozen, but its last checkpoint is not the published one");
    }
    if (published === undefined) return;
    if (published.size > size) throw new MayflyError("LOG_ROLLED_BACK", "published more entries than the log holds");
    if (!isEqual(this.#rootOf(published.size), published.root)) throw inconsistent("published checkpoint");
  }

  #rootOf(leaves: number): Uint8Array {
    return subtreeHash(0, leaves, (level, index) => this.tile(level, index) ?? new Uint8Array(0));
  }

  #headRow(): Row {
    return requireRecord("head", this.#head);
  }

  #partialTiles(size: number): Uint8Array[] {
    const tiles: Uint8Array[] = [];
    for (let level = 0; TILE_WIDTH ** level <= size; level++) {
      const index = Math.floor(size / TILE_WIDTH ** (level + 1));
      const width = tileWidthAt(level, index, size);
      tiles.push(width === 0 ? new Uint8Array(0) : (this.tile(level, index) ?? new Uint8Array(0)));
    }
    return tiles;
  }
}

const SUBMISSIONS = "index of submissions";

/** A record that every log has. */
function requireRecord(table: "manifest" | "head", statement: StatementSync): Row {
  const place = PLACE[table];
  const row = reading(place, () => findRow(statement));
  if (row === undefined) throw new MayflyError("LOG_CORRUPT", `${place} is missing`);
  return row.requireIntact(table, place);
}

/** Reads a record; what SQLite itself finds wrong is told with the record's place. */
function reading<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw sqliteFailure(cause, "LOG_READ_FAILED", `${place} cannot be read`);
  }
}

function splitHashes(hashes: Uint8Array): Uint8Array[] {
  return Array.from({ length: hashes.length / HASH_LENGTH }, (_, at) =>
    hashes.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH),
  );
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function inconsistent(what: string): MayflyError {
  return new MayflyError("LOG_CORRUPT", `the log's ${what} do not belong to its head`);
}
