import { MayflyError } from "../core/errors.ts";

/** Times that the SCTs of a log may carry, milliseconds since the Unix epoch. */
export interface AcceptanceWindow {
  /** The first of them. */
  readonly startMs: number;
  /** The first that is none of them. */
  readonly endMs: number;
}

/**
 * Why a log of this window gives no SCT of this time: `log_unavailable` (LOG_WINDOW), which waiting helps before the
 * window, and another log after it. Undefined when it may.
 */
export function windowRefusal({ startMs, endMs }: AcceptanceWindow, timestampMs: number): MayflyError | undefined {
  if (timestampMs < startMs) {
    const retryAfterMs = startMs - timestampMs;
    return new MayflyError("LOG_WINDOW", `the log's window begins in ${String(retryAfterMs)} ms`, { retryAfterMs });
  }
  if (timestampMs < endMs) return undefined;
  return new MayflyError("LOG_WINDOW", `the log's window ended ${String(timestampMs - endMs)} ms ago`);
}
