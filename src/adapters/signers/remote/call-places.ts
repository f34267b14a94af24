/** Places for calls under way at the same time, first come, first served. */
export class CallPlaces {
  readonly #most: number;
  readonly #queue = new Set<() => void>();
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** How many times all places will have been given before a call that comes now has one; 0 when there is one now. */
  get roundsAhead(): number {
    return this.#taken < this.#most ? 0 : (this.#queue.size + 1) / this.#most;
  }

  /** Takes a place if there is one, to be given back by {@link CallPlaces.leave}. */
  tryEnter(): boolean {
    if (this.#taken >= this.#most) return false;
    this.#taken++;
    return true;
  }

  /**
   * Takes a place once there is one, to be given back by {@link CallPlaces.leave}.
   *
   * @param until ends the wait when it is aborted
   * @throws the signal's reason
   */
  async enter(until: AbortSignal): Promise<void> {
    until.throwIfAborted();
    if (this.tryEnter()) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => {
      resolve(undefined);
    };
    this.#queue.add(wake);
    until.addEventListener("abort", wake);
    await promise;
    until.removeEventListener("abort", wake);
    // Still queued: it was the signal, and no place was handed over.
    if (this.#queue.delete(wake)) until.throwIfAborted();
  }

  leave(): void {
    const [next] = this.#queue;
    if (next === undefined) this.#taken--;
    else {
      this.#queue.delete(next);
      next();
    }
  }
}
