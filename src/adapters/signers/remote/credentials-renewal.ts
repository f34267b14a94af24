import { asKeyFailure } from "./key-failure.ts";
import type { KeyFailure } from "./key-failure.ts";

/** A login that failed is not tried again sooner: some services lock accounts that guess. */
const LEAVE_ALONE_MS = 5_000;

/** Renews credentials once for all callers that found them worn out. */
export class CredentialsRenewal {
  readonly #renew: () => Promise<void>;
  readonly #now: () => number;
  #underWay: Promise<void> | undefined;
  #renewedAtMs = Number.NEGATIVE_INFINITY;
  #lastFailure: { readonly failure: KeyFailure; readonly atMs: number } | undefined;

  /** @param now milliseconds on a clock that never steps */
  constructor(renew: () => Promise<void>, now: () => number) {
    this.#renew = renew;
    this.#now = now;
  }

  /**
   * Renews them, unless that was done since the caller began to use the old ones.
   *
   * @throws KeyFailure when it failed, now or in the last seconds
   */
  async renew(usedSinceMs: number): Promise<void> {
    if (this.#renewedAtMs > usedSinceMs) return;
    const last = this.#lastFailure;
    if (last !== undefined && this.#now() - last.atMs < LEAVE_ALONE_MS) throw last.failure;
    this.#underWay ??= this.#renewNow().finally(() => {
      this.#underWay = undefined;
    });
    await this.#underWay;
  }

  async #renewNow(): Promise<void> {
    try {
      await this.#renew();
      this.#renewedAtMs = this.#now();
      this.#lastFailure = undefined;
    } catch (error) {
      const failure = asKeyFailure(error);
      this.#lastFailure = { failure, atMs: this.#now() };
      throw failure;
    }
  }
}
