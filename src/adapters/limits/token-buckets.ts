import { hash, randomBytes } from "node:crypto";
import type { Clock } from "../../ports/clock.ts";
import type { RateLimit } from "../../ports/limits.ts";

/** How fast a bucket refills, and how much it holds. */
export interface BucketSettings {
  readonly perSecond: number;
  readonly burst: number;
}

/** Buckets that are remembered at once. */
export const MAX_BUCKETS = 50_000;

/** Buckets that may take one another's place. More remember better, fewer are faster to search. */
const WAYS = 8;

/** A sum of many refill times may miss its true value by a little; no token may be lost to that. */
const ROUNDING_MS = 1e-3;

/**
 * Token buckets in fixed memory, without garbage, however many keys come. A bucket is one number: the time at which it
 * would be full again (the generic cell rate algorithm of ITU-T I.371). Whatever time has passed is full, and so is a
 * bucket that nobody remembers: what is forgotten first is what is full, or nearest to it.
 *
 * A key is kept as 64 bits of its SHA-256 under a secret of this process, never in clear: nobody can choose a key that
 * meets another one's bucket.
 *
 * @param maxBuckets at least eight
 */
export function makeTokenBuckets(settings: BucketSettings, clock: Clock, maxBuckets = MAX_BUCKETS): RateLimit {
  return new TokenBuckets(settings, clock, Math.floor(maxBuckets / WAYS));
}

class TokenBuckets implements RateLimit {
  readonly #clock: Clock;
  readonly #refillMs: number;
  readonly #fullMs: number;
  readonly #sets: number;
  readonly #secret = randomBytes(16).toString("latin1");
  /** When each bucket is full again, on the clock that never steps. */
  readonly #fullAt: Float64Array;
  /** Whose each bucket is, two words each. */
  readonly #owners: Uint32Array;
  /** The words of the key that was looked for last. */
  #high = 0;
  #low = 0;

  constructor({ perSecond, burst }: BucketSettings, clock: Clock, sets: number) {
    this.#clock = clock;
    this.#refillMs = 1000 / perSecond;
    this.#fullMs = this.#refillMs * burst + ROUNDING_MS;
    this.#sets = sets;
    this.#fullAt = new Float64Array(sets * WAYS);
    this.#owners = new Uint32Array(sets * WAYS * 2);
  }

  take(key: string): number {
    const nowMs = this.#clock.monotonic();
    const at = this.#find(key);
    const fullAt = this.#fullAfterTaking(at, nowMs);
    if (fullAt - nowMs > this.#fullMs) return fullAt - nowMs - this.#fullMs;
    this.#fullAt[at] = fullAt;
    this.#owners[at * 2] = this.#high;
    this.#owners[at * 2 + 1] = this.#low;
    return 0;
  }

  waitMs(key: string): number {
    const nowMs = this.#clock.monotonic();
    return Math.max(0, this.#fullAfterTaking(this.#find(key), nowMs) - nowMs - this.#fullMs);
  }

  #fullAfterTaking(at: number, nowMs: number): number {
    const fullAt = this.#isFound(at) ? (this.#fullAt[at] ?? 0) : 0;
    return Math.max(fullAt, nowMs) + this.#refillMs;
  }

  /** Where the key's bucket is; when there is none, the place that can be given up at the least loss. */
  #find(key: string): number {
    const digest = hash("sha256", this.#secret + key, "buffer");
    this.#high = digest.readUInt32LE(0);
    this.#low = digest.readUInt32LE(4);
    const first = (digest.readUInt32LE(8) % this.#sets) * WAYS;
    let fullest = first;
    for (let at = first; at < first + WAYS; at++) {
      if (this.#isFound(at)) return at;
      if ((this.#fullAt[at] ?? 0) < (this.#fullAt[fullest] ?? 0)) fullest = at;
    }
    return fullest;
  }

  #isFound(at: number): boolean {
    return this.#owners[at * 2] === this.#high && this.#owners[at * 2 + 1] === this.#low;
  }
}
