import { WindowLimit } from "./window-limit.ts";

/** How many issuers of patterns may be asked for the first time. */
export interface DiscoveryRates {
  /** In any second, of all patterns. */
  readonly discoveriesPerSecond: number;
  /** In any minute, of one pattern. */
  readonly discoveriesPerMinute: number;
}

/** Counts the issuers that are asked for the first time because a token names them: anybody can name any number. */
export class DiscoveryLimits {
  readonly #all: WindowLimit;
  readonly #each: ReadonlyMap<string, WindowLimit>;

  /**
   * @param patterns their texts
   * @param before counts on with these: another configuration is no new minute
   */
  constructor(patterns: readonly string[], rates: DiscoveryRates, before?: DiscoveryLimits) {
    this.#all = before === undefined ? new WindowLimit(rates.discoveriesPerSecond, 1000) : before.#all;
    const known = before === undefined ? new Map<string, WindowLimit>() : before.#each;
    const limitOf = (pattern: string): WindowLimit =>
      known.get(pattern) ?? new WindowLimit(rates.discoveriesPerMinute, 60_000);
    this.#each = new Map(patterns.map((pattern) => [pattern, limitOf(pattern)]));
  }

  /** Milliseconds until another one of this pattern may be asked; 0 when it may now. */
  waitMs(pattern: string, nowMs: number): number {
    return Math.max(this.#all.waitMs(nowMs), this.#each.get(pattern)?.waitMs(nowMs) ?? 0);
  }

  /** Counts that one is asked. */
  count(pattern: string, nowMs: number): void {
    this.#all.count(nowMs);
    this.#each.get(pattern)?.count(nowMs);
  }
}
