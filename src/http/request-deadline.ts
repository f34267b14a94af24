import type { ServerResponse } from "node:http";
import { MayflyError } from "../core/errors.ts";

/** No stage begins with less time than this left: what it did could not be answered any more. */
const LEAST_STAGE_MS = 250;

/** Work that ends early: its signal is aborted with the `MayflyError` that says why. */
export type Abortable<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Does work for a caller who waits neither without end nor after hanging up. Its signal is aborted when the connection
 * closes (CALLER_GONE) and shortly before the deadline (DEADLINE_EXCEEDED), so that no further stage begins. At the
 * deadline the caller is told, even while a stage hangs; what that stage still gives is dropped.
 *
 * @param deadlineMs from now, milliseconds; the minimum of a stage is part of it
 * @throws MayflyError `overloaded` (DEADLINE_EXCEEDED), or whatever `work` throws
 */
export function withDeadline<T>(response: ServerResponse, deadlineMs: number, work: Abortable<T>): Promise<T> {
  const controller = new AbortController();
  const late = (): MayflyError => new MayflyError("DEADLINE_EXCEEDED", `not done within ${deadlineMs} ms`);
  const onClose = (): void => {
    if (response.writableFinished) return;
    controller.abort(new MayflyError("CALLER_GONE", "the connection was closed before the answer"));
  };
  response.once("close", onClose);
  if (response.destroyed) onClose();
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
