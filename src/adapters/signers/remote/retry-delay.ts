import type { KeyFailure, KeyFailureKind } from "./key-failure.ts";

/** Longest wait before the second attempt; it doubles with each one, up to {@link LONGEST_WAIT_MS}. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 400;
/** An attempt that has less time than this would only cost the service work. */
export const MIN_ATTEMPT_MS = 100;

/** So many attempts are worth making after a failure; kinds that are not here are final. */
const ATTEMPTS: ReadonlyMap<KeyFailureKind, number> = new Map<KeyFailureKind, number>([
  ["timeout", Number.POSITIVE_INFINITY],
  ["unavailable", Number.POSITIVE_INFINITY],
  ["quota", Number.POSITIVE_INFINITY],
  // Damage on the way is gone the next time; a service that answers wrongly twice does so.
  ["wrong-answer", 2],
]);

/** Where an attempt failed. */
export interface FailedAttempt {
  /** From 1. */
  readonly number: number;
  /** So many may be made in all. */
  readonly attempts: number;
  /** Time left for further ones, milliseconds. */
  readonly remainingMs: number;
}

/**
 * How long to wait before the next attempt: full jitter, so that callers who failed together do not come back together, and
 * no less than the service asks for.
 *
 * @param random from 0 to below 1
 * @returns milliseconds; undefined when there is nothing to be gained by another one
 */
export function retryDelayMs(failure: KeyFailure, at: FailedAttempt, random: () => number): number | undefined {
  if (at.number >= Math.min(at.attempts, ATTEMPTS.get(failure.kind) ?? 0)) return undefined;
  const longestMs = Math.min(FIRST_WAIT_MS * 2 ** (at.number - 1), LONGEST_WAIT_MS);
  const delayMs = Math.max(random() * longestMs, failure.retryAfterMs ?? 0);
  return delayMs + MIN_ATTEMPT_MS <= at.remainingMs ? delayMs : undefined;
}
