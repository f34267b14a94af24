import type { VerifiedIdToken } from "../core/identity/id-token.ts";

/** Remembers which tokens were used, of issuers whose tokens are for one use. */
export interface UsedTokens {
  /**
   * Uses a token up; of two uses of it at the same time one succeeds.
   *
   * @throws MayflyError TOKEN_CLAIM_MISSING or TOKEN_CLAIM_INVALID for a `jti` (RFC 7519 §4.1.7) that is none, TOKEN_USED,
   *   and `overloaded` (USED_TOKENS_FULL) when no further token of its issuer can be remembered
   */
  use(token: VerifiedIdToken, nowMs: number): void;
}
