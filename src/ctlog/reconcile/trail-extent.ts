import type { TrailRecord } from "../../ports/audit-trail-reader.ts";
import type { LoggedCertificate } from "./logged-certificate.ts";

/**
 * How long after its intent an entry gets its time, at most, with much to spare: the stages between have limits of at
 * most a minute.
 */
const IN_FLIGHT_MS = 600_000;

/** What part of an audit trail was read, and which entries its records must therefore explain. */
export class TrailExtent {
  readonly #nowMs: number;
  #firstFile = 0;
  #lastFile = 0;
  #nextFile = 0;
  #highestLogIndexes: Readonly<Record<string, number>> = {};
  #firstMs: number | undefined;
  /** Whether no record of the newest file has told its time yet. */
  #isFileNew = false;

  /** @param nowMs when the reading began */
  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  /** Number of the first file that was read; 0 when there was none. */
  get firstFile(): number {
    return this.#firstFile;
  }

  /** Number of the last file that was read; 0 when there was none. */
  get lastFile(): number {
    return this.#lastFile;
  }

  /**
   * Number of the file with which to begin the next time: the last one that was begun so long ago that no entry can come any
   * more whose intent is in a file before it.
   */
  get nextFile(): number {
    return this.#nextFile;
  }

  note(record: TrailRecord): void {
    if (record.kind === "file") {
      this.#lastFile = record.number;
      this.#isFileNew = true;
      if (this.#firstFile !== 0) return;
      this.#firstFile = record.number;
      this.#nextFile = record.number;
      this.#highestLogIndexes = record.highestLogIndexes;
      return;
    }
    this.#firstMs ??= record.timeMs;
    if (this.#isFileNew && record.timeMs <= this.#nowMs - 2 * IN_FLIGHT_MS) this.#nextFile = this.#lastFile;
    this.#isFileNew = false;
  }

  /**
   * Index of the first entry of a log that is compared. Those before it may have their intents in files that were not read; an
   * intent that comes after an answer is of an entry with a higher index than was answered.
   */
  coveredFrom(logId: string): number {
    const highest = this.#highestLogIndexes[logId];
    return highest === undefined ? 0 : highest + 1;
  }

  /** Whether the intent of an entry may be in a file before those that were read: it was under way when they began. */
  mayBeEarlier({ timestampMs }: LoggedCertificate): boolean {
    return this.#firstFile > 1 && this.#firstMs !== undefined && timestampMs < this.#firstMs + IN_FLIGHT_MS;
  }
}
