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

/** Opens the rate limits of one process; they are forgotten when it ends. */
export function openRateLimits(settings: RateLimitSettings, clock: Clock): RateLimits {
  const open = (bucket: BucketSettings): RateLimit => (settings.enabled ? makeTokenBuckets(bucket, clock) : UNLIMITED);
  return {
    signing: open(settings.signing),
    failedTokens: open(settings.failedTokens),
    reads: open(settings.reads),
    issuer: open(settings.issuer),
    subject: open(settings.subject),
    auditedOutcomes: makeTokenBuckets(AUDITED_OUTCOMES, clock, ONE_BUCKET),
  };
}
