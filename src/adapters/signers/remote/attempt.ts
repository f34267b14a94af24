import { KeyFailure } from "./key-failure.ts";
import type { StartTimer } from "./timer.ts";

/** What ends an attempt. */
export interface AttemptLimits {
  readonly limitMs: number;
  /** Aborted when the key is closed. */
  readonly closing: AbortSignal;
  readonly startTimer: StartTimer;
}

/**
 * Makes one attempt, which ends in time whether the work heeds its signal or not; what it gives later is dropped.
 *
 * @throws KeyFailure `timeout` or `closed`; whatever `work` throws
 */
export async function attempt<T>(work: (signal: AbortSignal) => Promise<T>, limits: AttemptLimits): Promise<T> {
  const { limitMs, closing, startTimer } = limits;
  const { promise: cut, reject } = Promise.withResolvers<never>();
  const controller = new AbortController();
  const stop = (failure: KeyFailure): void => {
    reject(failure);
    controller.abort(failure);
  };
  const close = (): void => {
    stop(new KeyFailure("closed", "the signer is closed"));
  };
  if (closing.aborted) close();
  closing.addEventListener("abort", close);
  const timer = startTimer(() => {
    stop(new KeyFailure("timeout", `no answer within ${Math.round(limitMs)} ms`));
  }, limitMs);
  try {
    return await Promise.race([cut, controller.signal.aborted ? cut : work(controller.signal)]);
  } finally {
    timer.stop();
    closing.removeEventListener("abort", close);
  }
}
