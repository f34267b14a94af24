import type { ClientAddress } from "../entrance/client-address.ts";
import * as limits from "../entrance/limit-rates.ts";
import type { RateLimits } from "../ports/limits.ts";
import type { Middleware } from "./middleware.ts";
import type { Handler } from "./route.ts";

/** Who is limited, and how. */
export interface RateLimiting {
  readonly rateLimits: Pick<RateLimits, "failedTokens" | "reads" | "signing">;
  readonly clientAddress: ClientAddress;
}

/** Puts the signing route's limits before its handler, which is not even given the body to read when one is reached. */
export function limitSigning({ rateLimits, clientAddress }: RateLimiting, handler: Handler): Handler {
  return (request, response) =>
    limits.limitSigning(rateLimits, clientAddress(request), () => handler(request, response));
}

/** Limits whatever comes after it. */
export const limitReads =
  ({ rateLimits, clientAddress }: RateLimiting): Middleware =>
  (request, _response, next) => {
    limits.limitReads(rateLimits.reads, clientAddress(request));
    next();
  };
