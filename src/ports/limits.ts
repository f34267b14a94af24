/**
 * A bound on how often something may happen, for each key of its own: a token bucket that is full at first, gives one
 * token each time, and refills at a steady rate.
 */
export interface RateLimit {
  /**
   * Takes a token.
   *
   * @returns 0 when there was one; else the milliseconds until there is, and nothing was taken
   */
  take(key: string): number;
  /** Milliseconds until there is a token, 0 when there is one now. Takes nothing. */
  waitMs(key: string): number;
}

/** Every rate limit of the service. Keys are client addresses, except where another one is named. */
export interface RateLimits {
  /** Signing requests. */
  readonly signing: RateLimit;
  /** Signing requests whose token turned out not to be valid; apart, so that good ones are not counted with them. */
  readonly failedTokens: RateLimit;
  /** Requests that read. */
  readonly reads: RateLimit;
  /** Signing requests with valid tokens; the key is the issuer. */
  readonly issuer: RateLimit;
  /** Signing requests with valid tokens; the key is issuer and `sub`. */
  readonly subject: RateLimit;
  /** Outcomes without a serial number that go into the audit trail; there is one key, the empty one. */
  readonly auditedOutcomes: RateLimit;
}
