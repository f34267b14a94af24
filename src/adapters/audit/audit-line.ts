import { hash } from "node:crypto";

import { maskSecrets } from "../../core/mask-secrets.ts";
import type { AuditRecord } from "../../ports/audit-trail.ts";

/** Version of the file's format, named in every start line. */
export const AUDIT_FORMAT = "mayfly-audit/1";

/** No line is longer; a reader need hold no more. */
export const MAX_LINE_BYTES = 16 * 1024;

/** A line's place in the hash chain of the process that writes it. */
export interface ChainPosition {
  /** Random name of the process. */
  readonly writer: string;
  /** 1 for the process's first line. */
  readonly seq: number;
  /** {@link hashLine} of the process's line before; for its first line that of the last whole line in the file, or "". */
  readonly previous: string;
}

/** What a process says in its first line. */
export interface AuditStart {
  readonly timeMs: number;
  /** {@link hashLine} of what a process that died while writing left behind the last whole line. */
  readonly torn?: string;
}

/** Lower-case hex SHA-256 of a line's UTF-8 without its newline. */
export function hashLine(line: string | Uint8Array): string {
  return hash("sha256", line, "hex");
}

/** A process's first line, without newline; members always in this order. */
export function encodeStartLine(position: ChainPosition, start: AuditStart): string {
  const { writer, seq, previous } = position;
  return JSON.stringify({
    kind: "start",
    writer,
    seq,
    previous,
    format: AUDIT_FORMAT,
    timeMs: start.timeMs,
    torn: start.torn,
  });
}

/**
 * The line of a record, without newline; members always in this order, absent ones left out. Members are named one by one,
 * so nothing that happens to hang on a record gets into the file.
 */
export function encodeAuditLine(position: ChainPosition, record: AuditRecord): string {
  const { writer, seq, previous } = position;
  const { kind, timeMs, generation } = record;
  if (record.kind === "intent") {
    const { serialNumber, tbsSha256 } = record;
    return JSON.stringify({ kind, writer, seq, previous, timeMs, generation, serialNumber, tbsSha256 });
  }
  const { result, issuer, serialNumber, logIndex, code, reason } = record;
  const detail = record.detail === undefined ? undefined : maskSecrets(record.detail);
  const about = { issuer, serialNumber, logIndex, code, reason, detail };
  return JSON.stringify({ kind, writer, seq, previous, timeMs, generation, result, ...about });
}
