import type { PublishedCheckpoint } from "./log-store.ts";

/**
 * Remembers outside the database how far the log is known to have come, so that a rolled-back or swapped database is
 * noticed at start. It may lag behind by a second; it must never run ahead of what was published.
 */
export interface HighWaterMark {
  /** The newest remembered checkpoint; undefined on a first start. */
  read(): Promise<PublishedCheckpoint | undefined>;
  /** Remembers a published checkpoint; durable within a second. Never throws into the caller: failures are reported. */
  advance(checkpoint: PublishedCheckpoint): void;
  /** Why the last write failed; undefined once one has succeeded, and before the first. */
  failure(): unknown;
  /** Resolves when everything given so far was written, or could not be, which is reported. */
  flush(): Promise<void>;
  /** Writes what is pending. */
  close(): Promise<void>;
}
