/** Both clocks, read at the same moment, milliseconds. */
export interface ClockReading {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** What the judgement of the next reading depends on. */
export interface ClockHistory {
  /** The last reading that was accepted. */
  readonly trusted: ClockReading;
  /** The last reading at all. */
  readonly latest: ClockReading;
  /** Until the monotonic clock reaches this, the wall clock is not believed. */
  readonly settledAtMonotonicMs: number;
}

/** The time to write into the log, or why the clock must not be used for that now. */
export type ClockVerdict =
  { readonly kind: "accepted"; readonly timestampMs: number } | { readonly kind: "refused"; readonly why: string };

/** How far the wall clock may be off, against the log's last time or the monotonic clock. */
const TOLERANCE_MS = 5_000;

/** How long a clock that was set must run steadily before it is believed again. */
const SETTLE_MS = 30_000;

/** A jump forward by more than this is never believed by itself: times in a log cannot be taken back. */
const LARGEST_JUMP_MS = 3_600_000;

/** The history of a clock that was read once, at start. */
export function startClockHistory(reading: ClockReading): ClockHistory {
  return { trusted: reading, latest: reading, settledAtMonotonicMs: reading.monotonicMs };
}

/**
 * Decides whether a time may go into the log. Times there must grow and can never be corrected, so a wall clock that was
 * set is refused until it ran steadily for 30 s, one that is behind the log until it has caught up, and one that jumped
 * ahead by more than an hour until it is set back or the process is started again.
 *
 * @param lastMs the newest time in the log
 * @returns the verdict, its time being greater than `lastMs`, and the history to judge the next reading with
 */
export function judgeClock(
  history: ClockHistory,
  reading: ClockReading,
  lastMs: number,
): { readonly verdict: ClockVerdict; readonly history: ClockHistory } {
  const wasSet = Math.abs(stepBetween(history.latest, reading)) > TOLERANCE_MS;
  const settledAtMonotonicMs = wasSet ? reading.monotonicMs + SETTLE_MS : history.settledAtMonotonicMs;
  const refuse = (why: string): { readonly verdict: ClockVerdict; readonly history: ClockHistory } => ({
    verdict: { kind: "refused", why },
    history: { trusted: history.trusted, latest: reading, settledAtMonotonicMs },
  });
  if (reading.monotonicMs < settledAtMonotonicMs) return refuse("the clock was set less than 30 s ago");
  if (stepBetween(history.trusted, reading) > LARGEST_JUMP_MS)
    return refuse("the clock jumped forward by over an hour");
  if (reading.wallMs < lastMs - TOLERANCE_MS) return refuse("the clock is over 5 s behind the log");
  return {
    verdict: { kind: "accepted", timestampMs: Math.max(reading.wallMs, lastMs + 1) },
    history: { trusted: reading, latest: reading, settledAtMonotonicMs },
  };
}

/** How much further the wall clock moved than the monotonic clock. */
function stepBetween(from: ClockReading, to: ClockReading): number {
  return to.wallMs - from.wallMs - (to.monotonicMs - from.monotonicMs);
}
