import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../ports/clock.ts";
import type { RateLimit, RateLimits } from "../../ports/limits.ts";
import { makeTokenBuckets } from "./token-buckets.ts";
import type { BucketSettings } from "./token-buckets.ts";

/** What may happen how often. */
export interface RateLimitSettings {
  /** Otherwise only the audit trail is protected. */
  readonly enabled: boolean;
  readonly signing: BucketSettings;
  readonly failedTokens: BucketSettings;
  readonly reads: BucketSettings;
  readonly issuer: BucketSettings;
  readonly subject: BucketSettings;
}

/**
 * A request that comes to nothing costs a caller nothing, and the audit trail is kept for years: however many callers
 * there are, requests that never came near the CA key may not write more of it than some 250 MB a day.
 */
const AUDITED_OUTCOMES: BucketSettings = { perSecond: 10, burst: 1_000 };
/** There is one key only. */
const ONE_BUCKET = 8;

/** A limit that nothing reaches. */
export const UNLIMITED: RateLimit = { take: () => 0, waitMs: () => 0 };

/** Rate limits whose settings may change. */
export interface ChangeableRateLimits extends RateLimits {
  /** Has other settings hold from now on. What is remembered under settings that stay the same is kept. */
  change(settings: RateLimitSettings): void;
}

/** Opens the rate limits of one process; they are forgotten when it ends. */
export function openRateLimits(first: RateLimitSettings, clock: Clock): ChangeableRateLimits {
  const names = ["signing", "failedTokens", "reads", "issuer", "subject"] as const;
  const open = (settings: RateLimitSettings, name: (typeof names)[number]): RateLimit =>
    settings.enabled ? makeTokenBuckets(settings[name], clock) : UNLIMITED;
  let now = first;
  const inForce = new Map(names.map((name) => [name, open(first, name)]));
  const limit = (name: (typeof names)[number]): RateLimit => ({
    take: (key) => (inForce.get(name) ?? UNLIMITED).take(key),
    waitMs: (key) => (inForce.get(name) ?? UNLIMITED).waitMs(key),
  });
  return {
    signing: limit("signing"),
    failedTokens: limit("failedTokens"),
    reads: limit("reads"),
    issuer: limit("issuer"),
    subject: limit("subject"),
    auditedOutcomes: makeTokenBuckets(AUDITED_OUTCOMES, clock, ONE_BUCKET),
    change: (settings) => {
      for (const name of names) {
        const isSame = settings.enabled === now.enabled && isDeepStrictEqual(settings[name], now[name]);
        if (!isSame) inForce.set(name, open(settings, name));
      }
      now = settings;
    },
  };
}
