import { closeSync, openSync, rmSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { rowChecksum } from "./row-checksum.ts";

/** Leaves of a run are spread over so many rows, by the first byte of their hashes. */
export const BUCKETS = 256;

/** Version of the table below; a file of another version is made anew. */
const VERSION = 1;

const TABLE = `CREATE TABLE leaf (
  bucket INTEGER NOT NULL,
  run INTEGER NOT NULL,
  leaves BLOB NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (bucket, run)
) STRICT, WITHOUT ROWID`;

/** What was found in the file is not what was written into it for this log. */
export class LeafIndexDamaged extends Error {
  override readonly name = "LeafIndexDamaged";
}

/** One row: the leaves of one run whose hashes begin with one byte. */
export interface LeafBucket {
  readonly run: number;
  readonly leaves: Uint8Array;
}

/**
 * The file of a leaf index. Everything in it can be computed again, so it is neither flushed nor kept over a failure: each
 * row's checksum says whether it can be used.
 *
 * Methods throw {@link LeafIndexDamaged}, or what SQLite throws.
 */
export class LeafIndexFile {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #select: StatementSync;

  /** @param path of a file, which is made where there is none, for its owner only */
  constructor(path: string) {
    closeSync(openSync(path, "a", 0o600));
    this.#database = new DatabaseSync(path, { timeout: 5_000 });
    try {
      this.#database.exec("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF;");
      this.#requireVersion();
      this.#insert = this.#database.prepare("INSERT OR REPLACE INTO leaf VALUES (?, ?, ?, ?)");
      this.#select = this.#database.prepare(
        "SELECT run, leaves, checksum FROM leaf WHERE bucket = ? AND run < ? ORDER BY run",
      );
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Removes the file, and what a process that was killed has left of it. */
  static remove(path: string): void {
    for (const suffix of ["", "-journal"]) rmSync(`${path}${suffix}`, { force: true });
  }

  /** How many runs are in the file, all of them or none of a run; a row that lacks is noticed when it is looked for. */
  countRuns(): number {
    const found = this.#database.prepare("SELECT count(*) AS runs FROM leaf WHERE bucket = 0").get();
    return integerOf(found, "runs");
  }

  /**
   * Writes a run in one transaction.
   *
   * @param buckets {@link BUCKETS} of them, by first byte
   * @param seed what the run was made of; a row counts only for who names the same
   */
  writeRun(run: number, buckets: readonly Uint8Array[], seed: number): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const [bucket, leaves] of buckets.entries()) {
        this.#insert.run(bucket, run, leaves, rowChecksum(placeOf(bucket, run, seed), [leaves]));
      }
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /**
   * The rows of one bucket for the runs before `end`, in their order.
   *
   * @param seedOf what a run must have been made of
   * @throws LeafIndexDamaged when one is missing or not as it was written
   */
  *bucket(bucket: number, end: number, seedOf: (run: number) => number): Generator<LeafBucket, void> {
    let run = 0;
    for (const row of this.#select.iterate(bucket, end)) {
      const leaves: unknown = row["leaves"];
      if (!ArrayBuffer.isView(leaves) || integerOf(row, "run") !== run) {
        throw new LeafIndexDamaged(`run ${run} of bucket ${bucket} is missing`);
      }
      const bytes = new Uint8Array(leaves.buffer, leaves.byteOffset, leaves.byteLength);
      if (rowChecksum(placeOf(bucket, run, seedOf(run)), [bytes]) !== row["checksum"]) {
        throw new LeafIndexDamaged(`run ${run} of bucket ${bucket} is not of this log`);
      }
      yield { run, leaves: bytes };
      run += 1;
    }
    if (run !== end) throw new LeafIndexDamaged(`run ${run} of bucket ${bucket} is missing`);
  }

  close(): void {
    this.#database.close();
  }

  #requireVersion(): void {
    const version = integerOf(this.#database.prepare("PRAGMA user_version").get(), "user_version");
    if (version === VERSION) return;
    if (version !== 0) throw new LeafIndexDamaged(`version ${version} is not known`);
    this.#database.exec(`BEGIN IMMEDIATE; ${TABLE}; PRAGMA user_version = ${VERSION}; COMMIT`);
  }
}

function placeOf(bucket: number, run: number, seed: number): string {
  return `leaves ${bucket}/${run} of ${seed}`;
}

function integerOf(row: Readonly<Record<string, unknown>> | undefined, column: string): number {
  const value = row?.[column];
  if (typeof value !== "number") throw new LeafIndexDamaged(`column ${column} holds no number`);
  return value;
}
