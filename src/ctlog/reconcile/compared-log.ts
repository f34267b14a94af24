import { MayflyError } from "../../core/errors.ts";
import { TILE_WIDTH } from "../../core/merkle/tile.ts";
import type { LogRecords } from "../../ports/log-store.ts";
import { noteProblem, type LogProblem } from "../../tlog/log-problem.ts";
import type { EntryRange } from "../../tlog/read-parts.ts";
import { readStoredEntries } from "../../tlog/read-stored-entries.ts";
import { IndexSet } from "./index-set.ts";
import { readLoggedCertificate, type LoggedCertificate } from "./logged-certificate.ts";

/** A log that is compared with the audit trail. */
export interface NamedLog {
  /** Configured name of the shard. */
  readonly name: string;
  /** Opened before the trail is read. */
  readonly records: LogRecords;
}

/** An entry as it was read: its certificate, or what is wrong with it. */
export type ReadEntry =
  | { readonly certificate: LoggedCertificate; readonly damage?: never }
  | { readonly certificate?: never; readonly damage: string };

/** How the entries of a log, up to the head that it had, turned out. Those with a gap are in none of the counts. */
export interface ComparedEntries {
  /** Delivered, going by the trail. */
  issued: number;
  /** Logged, and the request was refused or failed: nobody has the certificate. */
  undelivered: number;
  /** Logged, and no outcome: the process ended first, or the request is still under way. */
  unanswered: number;
  /** Made before what is compared. */
  notCovered: number;
}

/** One log, and what is known of its entries so far. */
export class ComparedLog {
  readonly name: string;
  /** Lower-case hex. */
  readonly id: string;
  /** Of the head that the log had before the trail was read. */
  readonly size: number;
  readonly entries: ComparedEntries = { issued: 0, undelivered: 0, unanswered: 0, notCovered: 0 };
  /** Entries that need not be looked at any more. */
  readonly settled: IndexSet;
  /** Entries before this index are not compared. */
  coveredFrom = 0;
  readonly #records: LogRecords;

  constructor({ name, records }: NamedLog) {
    this.name = name;
    this.id = Buffer.from(records.manifest.logId).toString("hex");
    this.size = records.head.size;
    this.settled = new IndexSet(this.size);
    this.#records = records;
  }

  /** An entry, for people. */
  place(index: number): string {
    return `${this.name} entry ${index}`;
  }

  /** Counts an entry, unless it is beyond the head or not covered: then it is in no count, or in that of its kind already. */
  count(index: number, as: keyof ComparedEntries): void {
    if (index >= this.coveredFrom && index < this.size) this.entries[as] += 1;
  }

  /** Leaves out what came before an index; may be called again until an entry from there on was counted. */
  coverFrom(index: number): void {
    const coveredFrom = Math.min(Math.max(this.coveredFrom, index), this.size);
    this.entries.notCovered += coveredFrom - this.coveredFrom;
    this.coveredFrom = coveredFrom;
  }

  /** Reads entries of one data tile, also those that came after the head. */
  async read({ start, end }: EntryRange): Promise<readonly ReadEntry[]> {
    const problems: LogProblem[] = [];
    const note = (problem: LogProblem): void => void problems.push(problem);
    const stored = await readStoredEntries(this.#records, { start, end }, note);
    return Promise.all(
      stored.map(async (bytes, at): Promise<ReadEntry> => {
        const where = `entry ${start + at}`;
        const certificate = bytes && (await noteProblem(where, note, () => readLoggedCertificate(bytes)));
        if (certificate !== undefined) return { certificate };
        const problem = problems.find((one) => one.where === where) ?? problems[0];
        return { damage: problem?.what ?? "cannot be read" };
      }),
    );
  }

  /** The lowest index of an entry that was made at or after a time; the size when there is none. */
  async firstSince(timeMs: number): Promise<number> {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [entry] = await this.read({ start: middle, end: middle + 1 });
      if (entry === undefined) throw new MayflyError("LOG_READ_FAILED", `entry ${middle} was not read`);
      // What cannot be read is looked at.
      if (entry.certificate !== undefined && entry.certificate.timestampMs < timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Runs of entries that are not settled, each within one data tile. */
  *unsettled(): Generator<EntryRange> {
    for (let start = this.settled.nextMissing(this.coveredFrom); start < this.size;) {
      const end = Math.min(start - (start % TILE_WIDTH) + TILE_WIDTH, this.size);
      yield { start, end };
      start = this.settled.nextMissing(end);
    }
  }
}
