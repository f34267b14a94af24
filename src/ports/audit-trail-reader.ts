import type { AuditOutcome } from "./audit-trail.ts";

/** Where a record stands. */
export interface TrailPlace {
  /** Name of the file. */
  readonly file: string;
  /** Counted from 1. */
  readonly lineNumber: number;
}

/** A file of the trail begins. */
export interface FileBeginning extends TrailPlace {
  readonly kind: "file";
  /** From 1. */
  readonly number: number;
  /** Highest index issued before it in each log, by the log's id in lower-case hex. */
  readonly highestLogIndexes: Readonly<Record<string, number>>;
}

/** A process begins; the one before it writes no more. */
export interface ProcessBeginning extends TrailPlace {
  readonly kind: "start";
  readonly timeMs: number;
}

/** The CA key was about to be used. */
export interface ReadIntent extends TrailPlace {
  readonly kind: "intent";
  readonly timeMs: number;
  /** Lower-case hex, 40 digits. */
  readonly serialNumber: string;
  /** Lower-case hex SHA-256 of the precertificate's TBS. */
  readonly tbsSha256: string;
}

/** A request for which a serial number was drawn has ended. */
export interface ReadOutcome extends TrailPlace {
  readonly kind: "outcome";
  readonly timeMs: number;
  readonly result: AuditOutcome["result"];
  /** Lower-case hex, 40 digits. */
  readonly serialNumber: string;
  /** Of an issued certificate: id of its log, lower-case hex. */
  readonly logId?: string;
  /** Of an issued certificate; absent where the log gives none. */
  readonly logIndex?: number;
}

/** What is read back of an audit trail; outcomes without a serial number and configurations are left out. */
export type TrailRecord = FileBeginning | ProcessBeginning | ReadIntent | ReadOutcome;

/** How a trail is read. */
export interface ReadTrailOptions {
  /** Number of the file to begin with; the oldest that is here when left out, or when that one is not. */
  readonly fromFile?: number | undefined;
  /** Takes records in their order; what comes after them is read when it has done so. */
  readonly onRecords: (records: readonly TrailRecord[]) => Promise<void>;
}

/** Reads an audit trail back, also while it is written. */
export interface AuditTrailReader {
  /**
   * Reads up to the end that the trail has when the reader gets there, and checks the chain of its lines on the way.
   *
   * @throws MayflyError `internal` (AUDIT_FAILED): naming file and line when the chain is broken, with a cause when a file
   *   cannot be read
   */
  read(options: ReadTrailOptions): Promise<void>;
}
