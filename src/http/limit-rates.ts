import { MayflyError } from "../core/errors.ts";
import type { ErrorCode, Reason } from "../core/errors.ts";
import type { RateLimits } from "../ports/limits.ts";
import type { ClientAddress } from "./client-address.ts";
import type { Middleware } from "./middleware.ts";
import type { Handler } from "./route.ts";

/** Who is limited, and how. */
export interface RateLimiting {
  readonly rateLimits: Pick<RateLimits, "failedTokens" | "reads" | "signing">;
  readonly clientAddress: ClientAddress;
}

/** The refusals that say of a token that its issuer did not make it, or not for us. */
const FAILED_TOKEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["invalid_token", "untrusted_issuer"]);

/**
 * Puts the signing route's limits before its handler, which is not even given the body to read when a limit is reached.
 * A client that sent too many bad tokens is refused whatever its next one is: to know that, it would have to be verified.
 */
export function limitSigning({ rateLimits, clientAddress }: RateLimiting, handler: Handler): Handler {
  const { failedTokens, signing } = rateLimits;
  return async (request, response) => {
    const client = clientAddress(request);
    refuseIf(failedTokens.waitMs(client), "RATE_LIMITED_FAILED_TOKENS");
    refuseIf(signing.take(client), "RATE_LIMITED_SIGNING");
    try {
      return await handler(request, response);
    } catch (error) {
      if (error instanceof MayflyError && FAILED_TOKEN.has(error.code)) failedTokens.take(client);
      throw error;
    }
  };
}

/** Limits whatever comes after it. */
export const limitReads =
  ({ rateLimits, clientAddress }: RateLimiting): Middleware =>
  (request, _response, next) => {
    refuseIf(rateLimits.reads.take(clientAddress(request)), "RATE_LIMITED_READS");
    next();
  };

function refuseIf(retryAfterMs: number, reason: Reason): void {
  if (retryAfterMs > 0) throw new MayflyError(reason, "too many requests of one client address", { retryAfterMs });
}
