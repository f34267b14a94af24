/** Three clocks, read at the same moment, milliseconds. */
export interface ClockReading {
  readonly wallMs: number;
  /** Never steps; stands still while the machine sleeps. */
  readonly monotonicMs: number;
  /** Never steps; goes on while the machine sleeps. */
  readonly sinceBootMs: number;
}

/** What the judgement of the next reading depends on. */
export interface ClockHistory {
  /** The last reading that was accepted. */
  readonly trusted: ClockReading;
  /** The last reading at all. */
  readonly latest: ClockReading;
  /** Until the monotonic clock reaches this, the wall clock is not believed. */
  readonly settledAtMonotonicMs: number;
  /** By how much the wall clock was set last. */
  readonly lastStepMs: number;
}

/** The time to write into the log, or why the clock must not be used for that now. */
export type ClockVerdict = { readonly kind: "accepted"; readonly timestampMs: number } | ClockRefusal;

/** A clock that must not be used now. */
export interface ClockRefusal {
  readonly kind: "refused";
  readonly why: string;
  /** The earliest moment at which it can be, from now, milliseconds; somebody may have to set it right first. */
  readonly againInMs: number;
}

/** How far the wall clock may be off, against the log's last time or the monotonic clock. */
const TOLERANCE_MS = 5_000;

/** How long a clock that was set must run steadily before it is believed again. */
const SETTLE_MS = 30_000;

/** A jump forward by more than this is never believed by itself: times in a log cannot be taken back. */
const LARGEST_JUMP_MS = 3_600_000;

/** The history of a clock that was read once, at start. */
export function startClockHistory(reading: ClockReading): ClockHistory {
  return { trusted: reading, latest: reading, settledAtMonotonicMs: reading.monotonicMs, lastStepMs: 0 };
}

/**
 * Decides whether a time may go into the log. Times there must grow and can never be corrected, so a wall clock that was
 * set is refused until it ran steadily for 30 s, one that is behind the log until it has caught up, and one that was set
 * ahead by more than an hour until it is set back. Nothing but that can show from here whether such a jump was right; a
 * person can, by starting the process again.
 *
 * A machine that slept (suspend, hibernation) wakes with the right time: the clock that counts from boot says how long it
 * was, so that is no jump, however long. A virtual machine that was frozen by its host knows nothing of the time it lost.
 *
 * @param lastMs the newest time in the log
 * @returns the verdict, its time being greater than `lastMs`, and the history to judge the next reading with
 */
export function judgeClock(
  history: ClockHistory,
  reading: ClockReading,
  lastMs: number,
): { readonly verdict: ClockVerdict; readonly history: ClockHistory } {
  const stepMs = stepBetween(history.latest, reading);
  const settling =
    Math.abs(stepMs) > TOLERANCE_MS
      ? { settledAtMonotonicMs: reading.monotonicMs + SETTLE_MS, lastStepMs: stepMs }
      : { settledAtMonotonicMs: history.settledAtMonotonicMs, lastStepMs: history.lastStepMs };
  const refusal = refusalOf({ ...history, ...settling }, reading, lastMs);
  if (refusal !== undefined) {
    return { verdict: refusal, history: { trusted: history.trusted, latest: reading, ...settling } };
  }
  return {
    verdict: { kind: "accepted", timestampMs: Math.max(reading.wallMs, lastMs + 1) },
    history: { trusted: reading, latest: reading, ...settling },
  };
}

/** Whether the wall clock went on between two readings as the one did that never steps. */
export function ranSteadily(from: SteadyReading, to: SteadyReading): boolean {
  return Math.abs(to.wallMs - from.wallMs - (to.monotonicMs - from.monotonicMs)) <= TOLERANCE_MS;
}

type SteadyReading = Pick<ClockReading, "wallMs" | "monotonicMs">;

/** What speaks against the reading, in words for an operator who is to mend it. */
function refusalOf(history: ClockHistory, reading: ClockReading, lastMs: number): ClockRefusal | undefined {
  const jumpMs = stepBetween(history.trusted, reading);
  if (jumpMs > LARGEST_JUMP_MS) {
    const why = `the clock jumped forward by ${seconds(jumpMs)}; set it back, or restart Mayfly if the new time is right`;
    // Setting it back is a step too.
    return { kind: "refused", why, againInMs: SETTLE_MS };
  }
  const settlesInMs = history.settledAtMonotonicMs - reading.monotonicMs;
  const behindMs = lastMs - reading.wallMs;
  const againInMs = Math.max(settlesInMs, behindMs - TOLERANCE_MS);
  if (settlesInMs > 0) {
    const direction = history.lastStepMs > 0 ? "forward" : "back";
    const why = `the clock was set ${direction} by ${seconds(history.lastStepMs)}; it must run steadily for 30 s first`;
    return { kind: "refused", why, againInMs };
  }
  if (behindMs <= TOLERANCE_MS) return undefined;
  const why = `the clock is ${seconds(behindMs)} behind the log's newest time, and must catch up first`;
  return { kind: "refused", why, againInMs };
}

const seconds = (ms: number): string => `${Math.round(Math.abs(ms) / 1_000)} s`;

/**
 * How much further the wall clock moved than time did. A clock that somebody set disagrees with both of the others; with
 * one alone it disagrees after sleep, or where a container shows the time since boot wrongly.
 */
function stepBetween(from: ClockReading, to: ClockReading): number {
  const wallMs = to.wallMs - from.wallMs;
  const byMonotonic = wallMs - (to.monotonicMs - from.monotonicMs);
  const bySinceBoot = wallMs - (to.sinceBootMs - from.sinceBootMs);
  return Math.abs(byMonotonic) < Math.abs(bySinceBoot) ? byMonotonic : bySinceBoot;
}
