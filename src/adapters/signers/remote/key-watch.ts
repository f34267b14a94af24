import { startBackgroundTimer } from "./timer.ts";
import type { StartTimer, Timer } from "./timer.ts";

/** How often the public key is compared while all is well. */
const COMPARE_EVERY_MS = 300_000;
/** How often a key that failed is tried. */
const TRY_EVERY_MS = 5_000;
/** ±20 %, so that processes which failed together do not try together. */
const JITTER = 0.2;

/** What is watched. */
export interface WatchedKey {
  /** What is wrong with the key: that it is not the one that was pinned, or anything else. */
  readonly problem: () => "wrong-key" | "other" | undefined;
  /** Rejects unless the service's public key is the pinned one. */
  readonly compare: () => Promise<void>;
  /** Has the key sign something that is worth nothing; may reject. */
  readonly prove: () => Promise<void>;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly startTimer?: StartTimer | undefined;
}

/**
 * Looks after a key in the background: what is wrong is noticed before a caller meets it, and a key that failed is found to
 * work again without anybody's certificate being the trial.
 */
export class KeyWatch {
  readonly #key: WatchedKey;
  readonly #startTimer: StartTimer;
  #timer: Timer | undefined;
  #isLooking = false;
  #isClosed = false;

  constructor(key: WatchedKey) {
    this.#key = key;
    this.#startTimer = key.startTimer ?? startBackgroundTimer;
    this.#wait();
  }

  /** The key's state has changed. */
  lookSoon(): void {
    if (!this.#isLooking) this.#wait();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.stop();
  }

  #wait(): void {
    this.#timer?.stop();
    if (this.#isClosed) return;
    const everyMs = this.#key.problem() === undefined ? COMPARE_EVERY_MS : TRY_EVERY_MS;
    this.#timer = this.#startTimer(
      () => {
        void this.#look();
      },
      everyMs * (1 - JITTER + 2 * JITTER * this.#key.random()),
    );
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      const problem = this.#key.problem();
      if (problem !== "other") await this.#key.compare();
      if (problem !== undefined) await this.#key.prove();
    } catch {
      // The calls have told what is wrong to whom it concerns.
    } finally {
      this.#isLooking = false;
      this.#wait();
    }
  }
}
