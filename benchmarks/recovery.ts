import { percentile } from "./statistics.ts";

/** One request of a lone caller, sent after a load ended. */
export interface LoneSample {
  /** When its answer was there, since the end of the load, milliseconds. */
  readonly atMs: number;
  /** Infinity when the answer was no certificate. */
  readonly latencyMs: number;
}

/** Answers in a row by which a recovery is judged; a few stragglers, as there are without any load, do not undo it. */
const WINDOW = 50;
const SHARE = 0.9;

/** The longest latency, milliseconds, that is as good as idle: half as much again, or 5 ms more, whichever is more. */
export function idleLimitMs(idleP50Ms: number): number {
  return Math.max(1.5 * idleP50Ms, idleP50Ms + 5);
}

/**
 * When a lone caller was first served as if there had been no load: with an answer within the limit, from which on nine of
 * ten of the next fifty were too.
 *
 * @param samples in the order of their answers
 * @returns milliseconds since the end of the load; undefined when that is nowhere among the samples
 */
export function recoveredAfterMs(samples: readonly LoneSample[], limitMs: number): number | undefined {
  return samples.find(({ latencyMs }, at) => {
    const window = samples.slice(at, at + WINDOW).map((sample) => sample.latencyMs);
    return latencyMs <= limitMs && window.length === WINDOW && percentile(window, SHARE) <= limitMs;
  })?.atMs;
}
