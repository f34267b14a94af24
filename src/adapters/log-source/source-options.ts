/** How a log is read over HTTP; everything has a default. */
export interface SourceOptions {
  /** PEM certificates that are trusted beside the system's, for a log with a certificate of its own authority. */
  readonly caCertificatePem?: string;
  /** How often a request is sent before the log counts as unavailable. */
  readonly attempts?: number;
  /** Longest silence of a server, while connecting and between two bytes, milliseconds. */
  readonly idleMs?: number;
  /** Longest time for a whole response, milliseconds. */
  readonly requestMs?: number;
  /** Longest pause that a server may ask for by Retry-After before the log counts as unavailable, milliseconds. */
  readonly longestPauseMs?: number;
  /** Waits before a request is sent again; a timer when left out. Rejects when the signal is aborted. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** Bound on a checkpoint's note in bytes (C2SP signed-note). */
export const MAX_NOTE_BYTES = 1_000_000;

/**
 * Bound on a data tile or a page of entries in bytes, as it comes and again inflated: 64 KiB for each of 256 entries,
 * where those of public logs have about 5.
 */
export const MAX_ENTRIES_BYTES = 256 * 65_536;

/** Bound on a certificate in bytes. */
export const MAX_CERTIFICATE_BYTES = 65_536;
