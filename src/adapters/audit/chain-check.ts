import { MayflyError } from "../../core/errors.ts";
import { AUDIT_FORMAT, hashLine, MAX_LINE_BYTES } from "./audit-line.ts";

/** What an intact audit file holds. */
export interface AuditFileReport {
  /** Whole lines, each in a chain. */
  readonly lines: number;
  /** Chains: starts of a process. */
  readonly starts: number;
  /** Fragments that processes left behind when they died while writing. */
  readonly tornLines: number;
  /** Highest log index of an issued certificate; a log that is shorter has lost what was answered. */
  readonly highestLogIndex?: number;
}

/** What the trail says of a certificate that was answered. */
export interface IssuedLine {
  /** Counted from 1. */
  readonly lineNumber: number;
  readonly logIndex: number;
  /** Lower-case hex; empty when the line has none. */
  readonly serialNumber: string;
}

type Members = Readonly<Record<string, unknown>>;

/** How far back a start line may point: an old process may go on writing while the new one starts. */
const OVERLAP_LINES = 4096;

/** A process that crashed, and its successor that crashed over its first line: more fragments in a row are damage. */
const MAX_FRAGMENTS = 2;

/** Follows the hash chains of an audit file line by line, holding no more than the newest hashes. */
export class ChainCheck {
  readonly #chains = new Map<unknown, { seq: number; hash: string }>();
  readonly #recent = new Set<string>();
  /** Hashes of lines that are no JSON, until a start line explains them as the remains of a crash. */
  #fragments: string[] = [];
  #lineNumber = 0;
  #lines = 0;
  #tornLines = 0;
  #highestLogIndex: number | undefined;
  #issued: IssuedLine[] = [];

  /** The issued certificates of the lines since the last call. */
  takeIssued(): readonly IssuedLine[] {
    const issued = this.#issued;
    this.#issued = [];
    return issued;
  }

  /**
   * Takes the file's next line, without its newline.
   *
   * @throws MayflyError `internal` (AUDIT_FAILED) when it breaks a chain
   */
  line(bytes: Buffer): void {
    this.#lineNumber += 1;
    if (bytes.length > MAX_LINE_BYTES) throw this.#broken("is longer than any line Mayfly writes");
    const hash = hashLine(bytes);
    const members = parseMembers(bytes);
    if (members === undefined) this.#tear(hash);
    else if (members["kind"] === "start") this.#begin(members, hash);
    else this.#extend(members, hash);
    this.#remember(hash);
  }

  /**
   * Gives the totals.
   *
   * @param rest what stands behind the file's last newline
   * @throws MayflyError `internal` (AUDIT_FAILED) when the file's end breaks a chain
   */
  end(rest: Buffer): AuditFileReport {
    if (rest.length > 0) this.line(rest);
    else if (this.#fragments.length > 0) throw this.#broken("is damaged");
    const counts = {
      lines: this.#lines,
      starts: this.#chains.size,
      tornLines: this.#tornLines,
    };
    return this.#highestLogIndex === undefined ? counts : { ...counts, highestLogIndex: this.#highestLogIndex };
  }

  #tear(hash: string): void {
    this.#fragments.push(hash);
    if (this.#fragments.length > MAX_FRAGMENTS) throw this.#broken("is damaged");
    this.#tornLines += 1;
  }

  #begin({ writer, seq, previous, format, torn }: Members, hash: string): void {
    if (format !== AUDIT_FORMAT) throw this.#broken(`is not of the format ${AUDIT_FORMAT}`);
    if (seq !== 1 || this.#chains.has(writer)) throw this.#broken("starts a chain that has begun before");
    if (!this.#sealsWhatStands(previous, torn)) throw this.#broken("does not fit the lines before it");
    if (!this.#fragments.every((fragment) => fragment === torn || fragment === previous)) {
      throw this.#broken("follows a line that is damaged");
    }
    this.#fragments = [];
    this.#lines += 1;
    this.#chains.set(writer, { seq: 1, hash });
  }

  #sealsWhatStands(previous: unknown, torn: unknown): boolean {
    const isFirst = previous === "" && this.#lineNumber === (torn === undefined ? 1 : 2);
    const isSealed = (value: unknown): boolean => typeof value === "string" && this.#recent.has(value);
    return (isFirst || isSealed(previous)) && (torn === undefined || isSealed(torn));
  }

  #extend(members: Members, hash: string): void {
    const chain = this.#chains.get(members["writer"]);
    if (this.#fragments.length > 0) throw this.#broken("follows a line that is damaged");
    if (chain === undefined) throw this.#broken("belongs to no chain");
    if (members["seq"] !== chain.seq + 1) throw this.#broken(`is not number ${chain.seq + 1} of its chain`);
    if (members["previous"] !== chain.hash) throw this.#broken("does not follow from its chain's line before");
    chain.seq += 1;
    chain.hash = hash;
    this.#lines += 1;
    const { kind, result } = members;
    if (kind === "outcome" && result === "issued") this.#noteIssued(members);
  }

  #noteIssued({ logIndex, serialNumber }: Members): void {
    if (typeof logIndex !== "number") return;
    this.#highestLogIndex = Math.max(this.#highestLogIndex ?? 0, logIndex);
    const name = typeof serialNumber === "string" ? serialNumber : "";
    this.#issued.push({ lineNumber: this.#lineNumber, logIndex, serialNumber: name });
  }

  #remember(hash: string): void {
    this.#recent.add(hash);
    if (this.#recent.size <= OVERLAP_LINES) return;
    for (const oldest of this.#recent) {
      this.#recent.delete(oldest);
      return;
    }
  }

  #broken(detail: string): MayflyError {
    return new MayflyError("AUDIT_FAILED", `line ${this.#lineNumber} of the audit trail ${detail}`);
  }
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
