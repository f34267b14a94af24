import { randomInt } from "node:crypto";
import { MayflyError } from "../core/errors.ts";

/**
 * The door to costly work: bounds how much of it runs at once, closes for good at shutdown, and knows when the last of
 * it is done, even when its caller has gone away.
 */
export interface Admission {
  /** No request is taken any more. */
  readonly isClosed: boolean;
  /** Admitted work that has not ended. */
  readonly inFlight: number;
  /**
   * Runs `work`.
   *
   * @throws MayflyError `overloaded` when closed or full; whatever `work` throws
   */
  admit<T>(work: () => Promise<T>): Promise<T>;
  close(): void;
  /** Resolves when nothing is in flight; at once when nothing is. */
  idle(): Promise<void>;
}

/** @param maxInFlight more than this at once is refused; one core answers such a queue in well under a second */
export function makeAdmission(maxInFlight = 320): Admission {
  let isClosed = false;
  let inFlight = 0;
  let waiting: (() => void)[] = [];
  const leave = (): void => {
    inFlight--;
    if (inFlight > 0) return;
    for (const wake of waiting) wake();
    waiting = [];
  };
  return {
    get isClosed() {
      return isClosed;
    },
    get inFlight() {
      return inFlight;
    },
    async admit(work) {
      if (isClosed) throw shuttingDown();
      if (inFlight >= maxInFlight) {
        throw new MayflyError("TOO_MANY_REQUESTS_IN_FLIGHT", `${inFlight} in flight`, { retryAfterMs: spread() });
      }
      inFlight++;
      try {
        return await work();
      } finally {
        leave();
      }
    },
    close() {
      isClosed = true;
    },
    idle() {
      return inFlight === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve));
    },
  };
}

/** Refusal of whatever comes after the door was closed. */
export function shuttingDown(): MayflyError {
  return new MayflyError("SHUTTING_DOWN", "this process takes no more requests", { retryAfterMs: spread() });
}

/** Between 1 and 5 s, so that refused callers do not all return in one moment. */
function spread(): number {
  return randomInt(1_000, 5_000);
}
