import type { TrailPlace } from "../../ports/audit-trail-reader.ts";

/**
 * What does not fit together:
 * - trail-damaged: the chain of the audit trail is broken
 * - log-unknown: a certificate was issued in a log that is not here, or without a place in it
 * - entry-lost: an entry that the trail tells of, or that must be there, is missing or cannot be read
 * - entry-differs: an entry is not of the certificate that the trail says was issued as that entry
 * - intent-missing: nothing in the trail says that the CA key was to be used for a certificate
 * - intent-differs: what was to be signed under a serial number is not what was logged under it
 */
export type ReconcileGapKind =
  "trail-damaged" | "log-unknown" | "entry-lost" | "entry-differs" | "intent-missing" | "intent-differs";

/** Something that is in only one of log and audit trail, or is another thing in each. */
export interface ReconcileGap {
  readonly kind: ReconcileGapKind;
  /** `audit.jsonl line 12`, or `2026 entry 17`. */
  readonly where: string;
  readonly what: string;
  /** Lower-case hex, 40 digits. */
  readonly serialNumber?: string;
  /** Configured name of the log's shard. */
  readonly log?: string;
  readonly index?: number;
}

/** Told of each gap, in the order in which they are found. */
export type OnGap = (gap: ReconcileGap) => void;

/** A line of the trail, for people. */
export function describePlace({ file, lineNumber }: TrailPlace): string {
  return `${file} line ${lineNumber}`;
}
