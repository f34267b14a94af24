import type { IssuerFailure } from "./issuer-failure.ts";

const FIRST_MS = { transient: 10_000, persistent: 60_000 } as const;
const LONGEST_MS = { transient: 300_000, persistent: 600_000 } as const;

/** ±20 %, so that replicas which failed together do not try again together. */
const JITTER = 0.2;

/** How long an issuer is left alone after failures: the wait doubles with each one in a row. */
export class BackOff {
  readonly #random: () => number;
  #failures = 0;
  #untilMs = Number.NEGATIVE_INFINITY;

  /** @param random from 0 to below 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds until the next attempt; 0 when it may be made now. */
  remainingMs(nowMs: number): number {
    return Math.max(0, this.#untilMs - nowMs);
  }

  /** Whether the last attempt failed. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  fail(kind: IssuerFailure["kind"], nowMs: number): void {
    const waitMs = Math.min(FIRST_MS[kind] * 2 ** this.#failures, LONGEST_MS[kind]);
    this.#untilMs = nowMs + Math.ceil(waitMs * (1 - JITTER + 2 * JITTER * this.#random()));
    this.#failures++;
  }

  succeed(): void {
    this.#failures = 0;
    this.#untilMs = Number.NEGATIVE_INFINITY;
  }
}
