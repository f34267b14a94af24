import type { AuditOutcome, AuditRecord } from "../../ports/audit-trail.ts";
import { encodeAuditLine, encodeFileLine, encodeStartLine, hashLine } from "./audit-line.ts";
import type { ChainPosition, FileOpening } from "./audit-line.ts";
import { raiseLogIndex } from "./highest-log-indexes.ts";
import type { HighestLogIndexes } from "./highest-log-indexes.ts";
import type { AuditTrailEnd } from "./verify-audit-trail.ts";

/** A line of the trail, without newline. */
export interface TrailLine {
  readonly text: string;
  /** Number of the file that is put aside full before this line. */
  readonly afterFull?: number;
}

/** Where a process takes the chain up. */
export interface AuditChainOptions {
  /** Random name of the process. */
  readonly writer: string;
  readonly end: AuditTrailEnd;
  /** Bytes that the newest file holds already. */
  readonly fileBytes: number;
  /** A file that holds as much takes no further line. */
  readonly maxFileBytes: number;
}

/** Makes the lines of one process: each carries the hash of the line before, and those that begin a file say so. */
export class AuditChain {
  readonly #writer: string;
  readonly #maxFileBytes: number;
  #previous: string;
  #seq = 0;
  #file: number;
  #fileBytes: number;
  #highestLogIndexes: HighestLogIndexes;

  constructor({ writer, end, fileBytes, maxFileBytes }: AuditChainOptions) {
    this.#writer = writer;
    this.#maxFileBytes = maxFileBytes;
    this.#previous = end.previous;
    this.#file = end.file;
    this.#fileBytes = fileBytes;
    this.#highestLogIndexes = end.highestLogIndexes;
  }

  /** The process's first line, which seals what crashes left behind the last whole one. */
  start(timeMs: number, { torn, opensFile }: Pick<AuditTrailEnd, "torn" | "opensFile">): TrailLine {
    const start = {
      timeMs,
      ...(torn.length === 0 ? {} : { torn }),
      ...(opensFile ? { opening: this.#open() } : {}),
    };
    return this.#line(encodeStartLine(this.#next(), start));
  }

  /** The lines of a record: itself, and before it the one that begins a file where the last is full. */
  record(record: AuditRecord): readonly TrailLine[] {
    const lines: TrailLine[] = [];
    if (this.#fileBytes >= this.#maxFileBytes) {
      const afterFull = this.#file;
      this.#fileBytes = 0;
      lines.push({ ...this.#line(encodeFileLine(this.#next(), this.#open())), afterFull });
    }
    lines.push(this.#line(encodeAuditLine(this.#next(), record)));
    if (record.kind === "outcome" && record.result === "issued") this.#noteIssued(record);
    return lines;
  }

  #noteIssued({ logId, logIndex }: AuditOutcome): void {
    if (logId === undefined || logIndex === undefined) return;
    this.#highestLogIndexes = raiseLogIndex(this.#highestLogIndexes, logId, logIndex);
  }

  #open(): FileOpening {
    this.#file += 1;
    const [file, highestLogIndexes] = [this.#file, this.#highestLogIndexes];
    return Object.keys(highestLogIndexes).length === 0 ? { file } : { file, highestLogIndexes };
  }

  #next(): ChainPosition {
    this.#seq += 1;
    return { writer: this.#writer, seq: this.#seq, previous: this.#previous };
  }

  #line(text: string): TrailLine {
    this.#previous = hashLine(text);
    this.#fileBytes += Buffer.byteLength(text) + 1;
    return { text };
  }
}
