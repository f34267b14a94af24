import { hash } from "node:crypto";

import { maskSecrets } from "../../core/mask-secrets.ts";
import type { AuditRecord } from "../../ports/audit-trail.ts";
import type { HighestLogIndexes } from "./highest-log-indexes.ts";

/** Version of the files' format, named in every line that begins a process or a file. */
export const AUDIT_FORMAT = "mayfly-audit/2";

/** No line is longer; a reader need hold no more. */
export const MAX_LINE_BYTES = 16 * 1024;

/** A line's place in the hash chain of the trail. */
export interface ChainPosition {
  /** Random name of the process that writes it. */
  readonly writer: string;
  /** 1 for the process's first line. */
  readonly seq: number;
  /** {@link hashLine} of the trail's whole line before, which may stand in the file before; "" for its first line. */
  readonly previous: string;
}

/** What the first line of a file says of the trail up to there, so that nobody need read the files before it. */
export interface FileOpening {
  /** Number of the file in the trail, from 1. */
  readonly file: number;
  /** Absent before the first certificate. */
  readonly highestLogIndexes?: HighestLogIndexes;
}

/** What a process says in its first line. */
export interface AuditStart {
  readonly timeMs: number;
  /** {@link hashLine} of each fragment behind the last whole line: what processes left that died while writing. */
  readonly torn?: readonly string[];
  /** When the line begins a file. */
  readonly opening?: FileOpening;
}

/** Lower-case hex SHA-256 of a line's UTF-8 without its newline. */
export function hashLine(line: string | Uint8Array): string {
  return hash("sha256", line, "hex");
}

/** A process's first line, without newline; members always in this order. */
export function encodeStartLine(position: ChainPosition, { timeMs, torn, opening }: AuditStart): string {
  const { writer, seq, previous } = position;
  return JSON.stringify({ kind: "start", writer, seq, previous, format: AUDIT_FORMAT, timeMs, torn, ...opening });
}

/** The first line of a file in which a process goes on, without newline; members always in this order. */
export function encodeFileLine(position: ChainPosition, opening: FileOpening): string {
  const { writer, seq, previous } = position;
  return JSON.stringify({ kind: "file", writer, seq, previous, format: AUDIT_FORMAT, ...opening });
}

/**
 * The line of a record, without newline; members always in this order, absent ones left out. Members are named one by one,
 * so nothing that happens to hang on a record gets into the file.
 */
export function encodeAuditLine(position: ChainPosition, record: AuditRecord): string {
  const { writer, seq, previous } = position;
  const { kind, timeMs, generation } = record;
  if (record.kind === "configuration") {
    const { configuration, cause } = record;
    return JSON.stringify({ kind, writer, seq, previous, timeMs, generation, configuration, cause });
  }
  if (record.kind === "intent") {
    const { serialNumber, tbsSha256 } = record;
    return JSON.stringify({ kind, writer, seq, previous, timeMs, generation, serialNumber, tbsSha256 });
  }
  const { result, configuration, issuer, pattern, audience, rule } = record;
  const { serialNumber, logId, logIndex, code, reason } = record;
  const detail = record.detail === undefined ? undefined : maskSecrets(record.detail);
  const who = { issuer, pattern, audience, rule };
  const about = { serialNumber, logId, logIndex, code, reason, detail };
  return JSON.stringify({ kind, writer, seq, previous, timeMs, generation, configuration, result, ...who, ...about });
}
