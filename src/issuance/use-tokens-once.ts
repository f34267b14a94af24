import type { VerifyIdToken } from "../ports/id-token-verifier.ts";
import type { UsedTokens } from "../ports/used-tokens.ts";

/**
 * Takes each token once, of issuers whose tokens are for one use. Comes behind whatever has a caller come again with the same
 * token, such as rate limits.
 *
 * @throws MayflyError as {@link UsedTokens.use}, beside what `verifyIdToken` throws
 */
export function useTokensOnce(verifyIdToken: VerifyIdToken, usedTokens: UsedTokens): VerifyIdToken {
  return async (idToken, nowMs) => {
    const verified = await verifyIdToken(idToken, nowMs);
    if (verified.issuer.tokenChecks?.isForOneUse === true) usedTokens.use(verified, nowMs);
    return verified;
  };
}
