import { MayflyError } from "../../core/errors.ts";
import type { TrailRecord } from "../../ports/audit-trail-reader.ts";
import { AUDIT_FORMAT, hashLine, MAX_LINE_BYTES } from "./audit-line.ts";
import {
  areSameLogIndexes,
  isLogId,
  isLogIndex,
  parseHighestLogIndexes,
  raiseLogIndex,
} from "./highest-log-indexes.ts";
import type { HighestLogIndexes } from "./highest-log-indexes.ts";
import { parseTrailRecords } from "./trail-record.ts";

/** What the lines of a trail, or of its last files, hold. */
export interface ChainReport {
  /** Whole lines. */
  readonly lines: number;
  /** Starts of a process. */
  readonly starts: number;
  /** Fragments that processes left behind when they died while writing. */
  readonly tornLines: number;
  /** Of issued certificates; a log that is shorter has lost what was answered. */
  readonly highestLogIndexes: HighestLogIndexes;
}

/** What the trail says of a certificate that was answered. */
export interface IssuedLine {
  /** Name of the file. */
  readonly file: string;
  /** Counted from 1. */
  readonly lineNumber: number;
  /** Of the log that gave its SCT, lower-case hex. */
  readonly logId: string;
  readonly logIndex: number;
  /** Lower-case hex; empty when the line has none. */
  readonly serialNumber: string;
}

/** Where a chain stands: what its next line must say. */
export interface ChainEnd {
  /** Number of the file that the last line stands in; 0 when there is no line. */
  readonly file: number;
  /** Hash of the last whole line; "" when there is none. */
  readonly previous: string;
  /** Hashes of the fragments behind it. */
  readonly torn: readonly string[];
  /** Whether the last file ends in the middle of a line. */
  readonly isCut: boolean;
  /** Whether the next line is the first whole one of its file. */
  readonly opensFile: boolean;
}

type Members = Readonly<Record<string, unknown>>;

/** A process that crashed, and successors that crashed over their first line: more fragments in a row are damage. */
const MAX_FRAGMENTS = 8;

/**
 * Follows the hash chain of an audit trail line by line, through file after file, holding no more than the newest hash.
 * It may begin with a later file than the first: then it believes what that file's first line says of those before.
 */
export class ChainCheck {
  readonly #writers = new Set<unknown>();
  #last: { readonly writer: unknown; readonly seq: unknown; readonly hash: string } | undefined;
  /** Hashes of lines that are no JSON, until a start line explains them as the remains of a crash. */
  #fragments: string[] = [];
  #fileName = "";
  #opensFile = true;
  #isCut = false;
  #file = 0;
  #firstFile = 0;
  #lineNumber = 0;
  #lines = 0;
  #tornLines = 0;
  #highestLogIndexes: HighestLogIndexes = {};
  #first: Members | undefined;
  #issued: IssuedLine[] = [];
  #records: TrailRecord[] | undefined;

  /** @param options whether what the lines say is wanted as records */
  constructor({ records = false }: { readonly records?: boolean } = {}) {
    this.#records = records ? [] : undefined;
  }

  /** The records of the lines since the last call. */
  takeRecords(): readonly TrailRecord[] {
    const records = this.#records ?? [];
    if (records.length > 0) this.#records = [];
    return records;
  }

  /** The issued certificates of the lines since the last call. */
  takeIssued(): readonly IssuedLine[] {
    const issued = this.#issued;
    this.#issued = [];
    return issued;
  }

  /** Number of the file that the first line given stands in; 0 before there was one. */
  get firstFile(): number {
    return this.#firstFile;
  }

  /** What the first line given says is the hash of the line before it; undefined before there was one. */
  get linksTo(): unknown {
    return this.#first?.["previous"];
  }

  /** The lines that follow stand in another file. */
  beginFile(name: string): void {
    this.#fileName = name;
    this.#opensFile = true;
    this.#lineNumber = 0;
  }

  /**
   * Takes the next line, without its newline.
   *
   * @throws MayflyError `internal` (AUDIT_FAILED) when it breaks the chain
   */
  line(bytes: Buffer): void {
    this.#lineNumber += 1;
    if (bytes.length > MAX_LINE_BYTES) throw this.#broken("is longer than any line Mayfly writes");
    const hash = hashLine(bytes);
    const members = parseMembers(bytes);
    if (members === undefined) {
      this.#tear(hash);
      return;
    }
    const { kind, writer, seq } = members;
    if (kind === "start") this.#requireStart(members);
    else this.#requireNext(members);
    this.#requireOpening(members);
    this.#first ??= members;
    this.#last = { writer, seq, hash };
    this.#lines += 1;
    if (kind === "outcome" && members["result"] === "issued") this.#noteIssued(members);
    this.#noteRecords(members);
  }

  /**
   * Ends the file.
   *
   * @param rest what stands behind its last newline
   * @throws MayflyError `internal` (AUDIT_FAILED) when that breaks the chain
   */
  endFile(rest: Buffer): void {
    this.#isCut = rest.length > 0;
    if (this.#isCut) this.line(rest);
  }

  /**
   * Gives the totals, and where the chain stands.
   *
   * @throws MayflyError `internal` (AUDIT_FAILED) when the last file's end breaks the chain
   */
  end(): ChainReport & { readonly end: ChainEnd } {
    if (this.#fragments.length > 0 && !this.#isCut) throw this.#broken("is damaged");
    return {
      lines: this.#lines,
      starts: this.#writers.size,
      tornLines: this.#tornLines,
      highestLogIndexes: this.#highestLogIndexes,
      end: {
        file: this.#file,
        previous: this.#last?.hash ?? "",
        torn: this.#fragments,
        isCut: this.#isCut,
        opensFile: this.#opensFile,
      },
    };
  }

  #tear(hash: string): void {
    this.#fragments.push(hash);
    if (this.#fragments.length > MAX_FRAGMENTS) throw this.#broken("is damaged");
    this.#tornLines += 1;
  }

  #requireStart({ writer, seq, previous, torn = [] }: Members): void {
    if (seq !== 1 || this.#writers.has(writer)) throw this.#broken("starts a process that has begun before");
    const isLinked = this.#last === undefined || previous === this.#last.hash;
    const isSealed = Array.isArray(torn) && torn.join() === this.#fragments.join();
    if (!isLinked || !isSealed) throw this.#broken("does not fit the lines before it");
    this.#fragments = [];
    this.#writers.add(writer);
  }

  #requireNext({ kind, writer, seq, previous }: Members): void {
    if (this.#fragments.length > 0) throw this.#broken("follows a line that is damaged");
    if (this.#last === undefined) {
      // A later file than the first may begin in the middle of a process.
      if (kind !== "file") throw this.#broken("belongs to no process");
      this.#writers.add(writer);
      return;
    }
    if (writer !== this.#last.writer) throw this.#broken("belongs to another process than the line before it");
    if (typeof this.#last.seq !== "number" || seq !== this.#last.seq + 1) throw this.#broken("is out of its sequence");
    if (previous !== this.#last.hash) throw this.#broken("does not follow from the line before it");
  }

  /** The first line of a file says which file of the trail it is; no other line does. */
  #requireOpening(members: Members): void {
    const { kind, format } = members;
    const opens = kind === "file" || members["file"] !== undefined;
    if ((kind === "start" || opens) && format !== AUDIT_FORMAT) {
      throw this.#broken(describeFormat(format));
    }
    if (opens !== this.#opensFile) throw this.#broken(opens ? "begins a file in the middle of one" : "begins no file");
    if (!opens) return;
    if (this.#last === undefined) this.#requireAnyFile(members);
    else this.#requireNextFile(members);
    this.#opensFile = false;
  }

  /** The first file that is here may be any file of the trail. */
  #requireAnyFile({ file, previous, highestLogIndexes }: Members): void {
    const highest = parseHighestLogIndexes(highestLogIndexes);
    if (highest === undefined) throw this.#broken("tells log indexes that are none");
    this.#highestLogIndexes = highest;
    if (!isFileNumber(file)) throw this.#broken("does not say which file of the trail it begins");
    if (file === 1 && previous !== "") throw this.#broken("begins the trail and follows another line");
    this.#file = file;
    this.#firstFile = file;
  }

  #requireNextFile({ file, highestLogIndexes }: Members): void {
    if (file !== this.#file + 1) throw this.#broken(`is not in file ${this.#file + 1} of the trail`);
    const highest = parseHighestLogIndexes(highestLogIndexes);
    if (highest === undefined || !areSameLogIndexes(highest, this.#highestLogIndexes)) {
      throw this.#broken("tells other highest log indexes");
    }
    this.#file = file;
  }

  #noteIssued({ logId, logIndex, serialNumber }: Members): void {
    if (!isLogId(logId)) throw this.#broken("tells of a certificate and not of the log that it is in");
    // A log elsewhere may give an SCT without an index.
    if (logIndex === undefined) return;
    if (!isLogIndex(logIndex)) throw this.#broken("tells a log index that is none");
    this.#highestLogIndexes = raiseLogIndex(this.#highestLogIndexes, logId, logIndex);
    const name = typeof serialNumber === "string" ? serialNumber : "";
    this.#issued.push({ file: this.#fileName, lineNumber: this.#lineNumber, logId, logIndex, serialNumber: name });
  }

  #noteRecords(members: Members): void {
    if (this.#records === undefined) return;
    const records = parseTrailRecords(members, { file: this.#fileName, lineNumber: this.#lineNumber });
    if (records === undefined) throw this.#broken("is none that Mayfly writes");
    this.#records.push(...records);
  }

  #broken(detail: string): MayflyError {
    return new MayflyError(
      "AUDIT_FAILED",
      `line ${this.#lineNumber} of the audit trail in ${this.#fileName} ${detail}`,
    );
  }
}

/** Another version of Mayfly wrote it, or nobody who writes trails did. */
function describeFormat(format: unknown): string {
  const isKnown = typeof format === "string" && /^mayfly-audit\/[0-9]{1,4}$/u.test(format);
  return isKnown ? `is of the format ${format}, not of ${AUDIT_FORMAT}` : `is not of the format ${AUDIT_FORMAT}`;
}

function isFileNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

function parseMembers(line: Buffer): Members | undefined {
  try {
    const value: unknown = JSON.parse(line.toString("utf8"));
    return isMembers(value) ? value : {};
  } catch {
    return undefined;
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null;
}
