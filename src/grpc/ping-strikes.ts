/** A caller needs no more to see whether its connection is alive. */
const MIN_INTERVAL_MS = 10_000;
/** Some clients measure their connection with a ping or two while they use it. */
const MAX_STRIKES = 2;

/**
 * Counts pings of one connection that come too early, as servers of gRPC do (gRPC A8): too many with nothing but pings
 * between them, and the connection is no use to anybody.
 */
export class PingStrikes {
  #lastMs = -Infinity;
  #strikes = 0;

  /** @returns whether the connection is to be ended for this ping */
  count(nowMs: number): boolean {
    const isEarly = nowMs - this.#lastMs < MIN_INTERVAL_MS;
    this.#lastMs = nowMs;
    if (isEarly) this.#strikes++;
    return this.#strikes > MAX_STRIKES;
  }

  /** A call began or ended. */
  forgive(): void {
    this.#strikes = 0;
    this.#lastMs = -Infinity;
  }
}
