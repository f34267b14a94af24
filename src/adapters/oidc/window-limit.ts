/** Lets something happen at most so often in any stretch of time of a given length. */
export class WindowLimit {
  readonly #windowMs: number;
  /** When it happened the last times; the one after `#next` is the longest ago. */
  readonly #times: number[];
  #next = 0;

  constructor(most: number, windowMs: number) {
    this.#windowMs = windowMs;
    this.#times = Array.from({ length: most }, () => Number.NEGATIVE_INFINITY);
  }

  /** Milliseconds until it may happen; 0 when it may now. */
  waitMs(nowMs: number): number {
    return Math.max(0, (this.#times[this.#next] ?? 0) + this.#windowMs - nowMs);
  }

  /** Counts that it happens. */
  count(nowMs: number): void {
    this.#times[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#times.length;
  }
}
