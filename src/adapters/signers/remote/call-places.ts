import type { SigningTurn } from "../../../ports/signer.ts";

/** Places for calls under way at the same time: those that finish something go first, then first come, first served. */
export class CallPlaces {
  readonly #most: number;
  readonly #finishing = new Set<() => void>();
  readonly #inOrder = new Set<() => void>();
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** How many times all places will have been given before a call that comes now has one; 0 when there is one now. */
  get roundsAhead(): number {
    return this.#taken < this.#most ? 0 : (this.#finishing.size + this.#inOrder.size + 1) / this.#most;
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
  async enter(until: AbortSignal, turn: SigningTurn = "in-order"): Promise<void> {
    until.throwIfAborted();
    if (this.tryEnter()) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => {
      resolve(undefined);
    };
    const queue = turn === "finishing" ? this.#finishing : this.#inOrder;
    queue.add(wake);
    until.addEventListener("abort", wake);
    await promise;
    until.removeEventListener("abort", wake);
    // Still queued: it was the signal, and no place was handed over.
    if (queue.delete(wake)) until.throwIfAborted();
  }

  leave(): void {
    const queue = this.#finishing.size > 0 ? this.#finishing : this.#inOrder;
    const [next] = queue;
    if (next === undefined) this.#taken--;
    else {
      queue.delete(next);
      next();
    }
  }
}
