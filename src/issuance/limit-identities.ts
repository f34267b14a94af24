import { MayflyError } from "../core/errors.ts";
import type { Reason } from "../core/errors.ts";
import type { VerifyIdToken } from "../ports/id-token-verifier.ts";
import type { RateLimit, RateLimits } from "../ports/limits.ts";

/**
 * Limits what one issuer, or all of one pattern, and one subject may ask for. Only a verified token counts: nobody can use up what
 * belongs to somebody else.
 *
 * @throws MayflyError `rate_limited`, beside what `verifyIdToken` throws
 */
export function limitIdentities(
  verifyIdToken: VerifyIdToken,
  { issuer, subject }: Pick<RateLimits, "issuer" | "subject">,
): VerifyIdToken {
  return async (idToken, nowMs) => {
    const verified = await verifyIdToken(idToken, nowMs);
    // Strangers decide how many issuers a pattern has: together they are one platform, as one issuer is.
    const { url, pattern = url } = verified.issuer;
    // The subject first: one that asks too often takes nothing from the others of its issuer.
    take(subject, `${url}\n${verified.subject}`, { reason: "RATE_LIMITED_SUBJECT", who: `one subject of ${url}` });
    take(issuer, pattern, { reason: "RATE_LIMITED_ISSUER", who: pattern });
    return verified;
  };
}

function take(limit: RateLimit, key: string, { reason, who }: { reason: Reason; who: string }): void {
  const retryAfterMs = limit.take(key);
  if (retryAfterMs > 0) throw new MayflyError(reason, `too many requests of ${who}`, { retryAfterMs });
}
