/**
 * How long a service will be busy with the certificates that were begun, going by the time of its calls. Its queue does not
 * tell: of many certificates that are begun in one moment none has asked for a signature yet.
 */
export class BegunWork {
  readonly #rounds: number;
  #doneAtMs = Number.NEGATIVE_INFINITY;

  /** @param rounds so often all places are taken for one certificate, mostly a part of once */
  constructor(rounds: number) {
    this.#rounds = rounds;
  }

  /** Milliseconds until what was begun is done. */
  aheadMs(nowMs: number): number {
    return Math.max(0, this.#doneAtMs - nowMs);
  }

  /** One more certificate is begun, each of whose calls will take so long. */
  begin(nowMs: number, callMs: number): void {
    this.#doneAtMs = Math.max(this.#doneAtMs, nowMs) + this.#rounds * callMs;
  }
}
