import { MayflyError } from "../core/errors.ts";

/** No stage begins with less time than this left: what it did could not be answered any more. */
const LEAST_STAGE_MS = 250;

/** Work that ends early: its signal is aborted with the `MayflyError` that says why. */
export type Abortable<T> = (signal: AbortSignal) => Promise<T>;

/** How long a caller waits. */
export interface Patience {
  /** From now, milliseconds; the minimum of a stage is part of it. */
  readonly deadlineMs: number;
  /** What the caller is told at the deadline. */
  readonly late: () => MayflyError;
  /** Calls `leave` with the reason when the caller goes away before its answer, at once when it has gone. */
  readonly onGone: (leave: (reason: MayflyError) => void) => void;
}

/** The end of a service's own patience. */
export const tooLate = (deadlineMs: number): MayflyError =>
  new MayflyError("DEADLINE_EXCEEDED", `not done within ${deadlineMs} ms`);

/** The end of a caller's. */
export const callerGone = (): MayflyError =>
  new MayflyError("CALLER_GONE", "the connection was closed before the answer");

/**
 * Does work for a caller who waits neither without end nor after going away. Its signal is aborted when the caller leaves
 * and shortly before the deadline, so that no further stage begins. At the deadline the caller is told, even while a stage
 * hangs; what that stage still gives is dropped.
 *
 * @throws MayflyError of `late`, or whatever `work` throws
 */
export function withDeadline<T>({ deadlineMs, late, onGone }: Patience, work: Abortable<T>): Promise<T> {
  const controller = new AbortController();
  onGone((reason) => {
    controller.abort(reason);
  });
  return new Promise((resolve, reject) => {
    const leastMs = Math.min(LEAST_STAGE_MS, deadlineMs / 2);
    let timer = setTimeout(() => {
      controller.abort(late());
      timer = setTimeout(() => {
        reject(late());
      }, leastMs);
    }, deadlineMs - leastMs);
    work(controller.signal)
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer);
      });
  });
}
