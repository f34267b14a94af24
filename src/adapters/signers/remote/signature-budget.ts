/** What may be asked of a key each second: it holds one second's worth, or one certificate's where that is more. */
export class SignatureBudget {
  readonly #costMs: number;
  readonly #holdsMs: number;
  /** When the budget is whole again (the generic cell rate algorithm of ITU-T I.371). */
  #wholeAtMs = Number.NEGATIVE_INFINITY;

  /** @param signatures what is taken at a time */
  constructor(perSecond: number, signatures: number) {
    this.#costMs = (signatures * 1_000) / perSecond;
    this.#holdsMs = Math.max(1_000, this.#costMs);
  }

  /**
   * Takes what it costs, if there is enough.
   *
   * @param nowMs on a clock that never steps
   * @returns 0, or the milliseconds until there is; then nothing was taken
   */
  take(nowMs: number): number {
    const wholeAtMs = Math.max(this.#wholeAtMs, nowMs) + this.#costMs;
    const waitMs = wholeAtMs - nowMs - this.#holdsMs;
    // A sum of many costs may miss its true value by a little.
    if (waitMs > 1e-3) return waitMs;
    this.#wholeAtMs = wholeAtMs;
    return 0;
  }
}
