/** How long a batch may form. */
export interface GatheringLimits {
  /** Entries that one transaction writes at most. */
  readonly maxBatchEntries: number;
  /** Longest time in which a batch gathers submissions that are on their way. */
  readonly gatherMs: number;
  /** A batch stops gathering when none came for so long. */
  readonly gatherQuietMs: number;
}

/**
 * Lets batches form. Callers of one batch are answered together and come back together: the first of them alone would
 * take a whole commit, with its fsync and its signatures, for which all the others would have to wait
 * (docs/adr/0004-gather-batches.md).
 */
export class Gathering {
  readonly #limits: GatheringLimits;
  readonly #onTheWay: (() => number) | undefined;
  #lastBatch = 0;
  #onArrival: (() => void) | undefined;

  /** @param onTheWay submissions that are queued or may come within moments; when left out, no batch waits */
  constructor(limits: GatheringLimits, onTheWay?: () => number) {
    this.#limits = limits;
    this.#onTheWay = onTheWay;
  }

  /** Resolves when the next batch should be taken from the queue, whose length `queued` tells. */
  async gather(queued: () => number): Promise<void> {
    // Whoever arrives in the same turn of the event loop still gets into this batch.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    if (this.#isComplete(queued())) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const begin = (): void => {
      resolve(undefined);
    };
    const quiet = setTimeout(begin, this.#limits.gatherQuietMs);
    const limit = setTimeout(begin, this.#limits.gatherMs);
    this.#onArrival = () => {
      if (this.#isComplete(queued())) begin();
      else quiet.refresh();
    };
    await promise;
    this.#onArrival = undefined;
    clearTimeout(quiet);
    clearTimeout(limit);
  }

  /** Another submission was queued. */
  arrived(): void {
    this.#onArrival?.();
  }

  /** A batch of `entries` was taken from the queue. */
  taken(entries: number): void {
    this.#lastBatch = entries;
  }

  /** Whether everybody is here who is on the way, or may be coming back from the batch before. */
  #isComplete(queued: number): boolean {
    if (this.#onTheWay === undefined) return true;
    return queued >= Math.min(Math.max(this.#onTheWay(), this.#lastBatch), this.#limits.maxBatchEntries);
  }
}
