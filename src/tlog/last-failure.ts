import type { MayflyError } from "../core/errors.ts";

/** How often somebody may try again while one batch after the other fails, milliseconds. */
const TRY_EVERY_MS = 1_000;

/**
 * Why the last batch failed, until one succeeds. The first caller after a failure may find out whether it has passed, and
 * then one each second, so that a log which stays broken costs its callers next to nothing.
 */
export class LastFailure {
  #error: MayflyError | undefined;
  #nextTryMs = -Infinity;

  get error(): MayflyError | undefined {
    return this.#error;
  }

  remember(error: MayflyError): void {
    this.#error = error;
  }

  forget(): void {
    this.#error = undefined;
    this.#nextTryMs = -Infinity;
  }

  /**
   * Whether whoever asks may try; true once a second.
   *
   * @param nowMs of a clock that never steps, milliseconds
   */
  takeTry(nowMs: number): boolean {
    if (nowMs < this.#nextTryMs) return false;
    this.#nextTryMs = nowMs + TRY_EVERY_MS;
    return true;
  }
}
