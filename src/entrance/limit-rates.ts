import { MayflyError } from "../core/errors.ts";
import type { ErrorCode, Reason } from "../core/errors.ts";
import type { RateLimit, RateLimits } from "../ports/limits.ts";

/** The refusals that say of a token that its issuer did not make it, or not for us. */
const FAILED_TOKEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["invalid_token", "untrusted_issuer"]);

/**
 * Signs for a client within its limits; when one is reached, the work is not even begun. A client that sent too many bad
 * tokens is refused whatever its next one is: to know that, it would have to be verified.
 *
 * @param client who asks, as the limits know clients
 * @throws MayflyError `rate_limited`, or whatever `work` throws
 */
export async function limitSigning<T>(
  { failedTokens, signing }: Pick<RateLimits, "failedTokens" | "signing">,
  client: string,
  work: () => T | Promise<T>,
): Promise<T> {
  refuseIf(failedTokens.waitMs(client), "RATE_LIMITED_FAILED_TOKENS");
  refuseIf(signing.take(client), "RATE_LIMITED_SIGNING");
  try {
    return await work();
  } catch (error) {
    if (error instanceof MayflyError && FAILED_TOKEN.has(error.code)) failedTokens.take(client);
    throw error;
  }
}

/** @throws MayflyError `rate_limited` when a client has read too often */
export function limitReads(reads: RateLimit, client: string): void {
  refuseIf(reads.take(client), "RATE_LIMITED_READS");
}

function refuseIf(retryAfterMs: number, reason: Reason): void {
  if (retryAfterMs > 0) throw new MayflyError(reason, "too many requests of one client address", { retryAfterMs });
}
