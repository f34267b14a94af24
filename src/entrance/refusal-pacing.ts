import type { Reason } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";

/** How refusals are spread over time. */
export interface PacingLimits {
  /** From one refusal to the next, milliseconds. */
  readonly intervalMs: number;
  /** Longest wait of a refusal for its turn, milliseconds. Of more callers than fit into it, all wait so long. */
  readonly maxWaitMs: number;
}

/** At most 500 in a second, as long as no more than 500 callers wait: some twentieth of one core. */
export const PACING_LIMITS: PacingLimits = { intervalMs: 2, maxWaitMs: 1_000 };

/** Refusals by a bound on load, that cost a caller nothing to get and may be had again at once. */
const PACED: ReadonlySet<Reason> = new Set<Reason>([
  "ISSUANCE_PAUSED",
  "RATE_LIMITED_FAILED_TOKENS",
  "RATE_LIMITED_ISSUER",
  "RATE_LIMITED_READS",
  "RATE_LIMITED_SIGNING",
  "RATE_LIMITED_SUBJECT",
  "TOO_MANY_REQUESTS_IN_FLIGHT",
]);

/** Where a refusal goes to: a response, or what stands for it. */
export interface RefusedCaller {
  /** Whether the caller has gone away. */
  readonly destroyed: boolean;
  once(event: "close", listener: () => void): unknown;
}

/** Calls `tell` when it is the turn of a refusal for this reason; not at all when the caller goes away before. */
export type PaceRefusal = (response: RefusedCaller, reason: Reason, tell: () => void) => void;

/**
 * Tells callers who are too many so one after the other. A refusal is cheap, a fifth of a certificate, but callers who
 * disregard Retry-After come back as fast as they are refused: told at once, 1,900 of them left a seventh of the
 * certificates of an undisturbed core (`npm run bench:overload`). A caller who waits asks for nothing, and as connections
 * are bounded so are the callers.
 */
export function makeRefusalPacing(
  clock: Pick<Clock, "monotonic">,
  { intervalMs, maxWaitMs }: PacingLimits = PACING_LIMITS,
): PaceRefusal {
  let nextMs = -Infinity;
  return (response, reason, tell) => {
    if (!PACED.has(reason) || response.destroyed) {
      tell();
      return;
    }
    const nowMs = clock.monotonic();
    const turnMs = Math.min(Math.max(nextMs, nowMs), nowMs + maxWaitMs);
    nextMs = turnMs + intervalMs;
    if (turnMs === nowMs) {
      tell();
      return;
    }
    const timer = setTimeout(tell, turnMs - nowMs);
    response.once("close", () => {
      clearTimeout(timer);
    });
  };
}
