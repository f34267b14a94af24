import { MayflyError } from "../core/errors.ts";

/** How much costly work runs at once, and how much may wait for its turn. */
export interface AdmissionLimits {
  /** Admitted work that has not ended. */
  readonly maxInFlight: number;
  /** Requests that wait for a place. */
  readonly maxQueued: number;
  /** Longest wait for a place, milliseconds. */
  readonly maxQueueMs: number;
}

/** One core works off such a queue in well under a second; what would wait longer is better told at once. */
export const ADMISSION_LIMITS: AdmissionLimits = { maxInFlight: 64, maxQueued: 256, maxQueueMs: 1_000 };

/**
 * The door to costly work: bounds how much of it runs at once and how much waits for that, closes for good at shutdown,
 * and knows when the last of it is done, even when its caller has gone away.
 */
export interface Admission {
  /** No request is taken any more. */
  readonly isClosed: boolean;
  /** Admitted work that has not ended; what is queued is not in it. */
  readonly inFlight: number;
  /** Requests that wait for a place. */
  readonly queued: number;
  /**
   * Runs `work` as soon as there is a place for it, first come, first served.
   *
   * @param signal ends the wait for a place, and nothing else
   * @throws MayflyError `overloaded` when closed, full, or without a place in time; the signal's reason; whatever `work`
   *   throws
   */
  admit<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Takes nothing new; what is queued still gets its place. */
  close(): void;
  /** Resolves when nothing is queued or in flight; at once when nothing is. */
  idle(): Promise<void>;
}

/** Opens the door. */
export function makeAdmission(limits: AdmissionLimits = ADMISSION_LIMITS): Admission {
  return new QueuedAdmission(limits);
}

/** Refusal of whatever comes after the door was closed. */
export function shuttingDown(): MayflyError {
  return new MayflyError("SHUTTING_DOWN", "this process takes no more requests");
}

class QueuedAdmission implements Admission {
  readonly #limits: AdmissionLimits;
  /** What gives each waiting request its place, oldest first. Nobody waits while a place is free. */
  readonly #queue = new Set<() => void>();
  #isClosed = false;
  #inFlight = 0;
  #onIdle: (() => void)[] = [];

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.size;
  }

  async admit<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#isClosed) throw shuttingDown();
    if (this.#inFlight < this.#limits.maxInFlight) this.#inFlight++;
    else await this.#place(signal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  idle(): Promise<void> {
    return this.#inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Waits for the place of somebody who leaves; whoever gives up leaves room for another one at once. */
  #place(signal: AbortSignal | undefined): Promise<void> {
    const { maxQueued, maxQueueMs } = this.#limits;
    if (this.#queue.size >= maxQueued) {
      throw new MayflyError("TOO_MANY_REQUESTS_IN_FLIGHT", `${this.#inFlight} in flight, ${this.#queue.size} queued`);
    }
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      // At once, not a promise later: a place that is handed to somebody who has given up would be lost.
      const unqueue = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#queue.delete(enter);
      };
      const enter = (): void => {
        unqueue();
        resolve();
      };
      const giveUp = (error: Error): void => {
        unqueue();
        reject(error);
      };
      const onAbort = (): void => {
        giveUp(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        giveUp(new MayflyError("QUEUE_WAIT_TOO_LONG", `no place within ${maxQueueMs} ms`));
      }, maxQueueMs);
      signal?.addEventListener("abort", onAbort);
      this.#queue.add(enter);
    });
  }

  /** Hands the place to the first in the queue, so that nobody who comes now can overtake it. */
  #leave(): void {
    const [next] = this.#queue;
    if (next !== undefined) {
      next();
      return;
    }
    this.#inFlight--;
    if (this.#inFlight > 0) return;
    for (const wake of this.#onIdle) wake();
    this.#onIdle = [];
  }
}
