import { isJsonArray, isJsonNumber, type JsonObject, type JsonValue } from "../../core/encoding/json-reader.ts";
import { MayflyError } from "../../core/errors.ts";
import { DEFAULT_TOKEN_CHECKS } from "../../core/identity/issuer.ts";
import type { TokenChecks, TrustedIssuer } from "../../core/identity/issuer.ts";

const MAX_AUDIENCES = 20;
const MAX_SUBJECT_BYTES = 1024;

/** Control characters, and the marks that make text read in another order than it is stored. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

/**
 * Checks the claims that every ID token must have, before its keys are looked for (RFC 7519 §4.1, OIDC Core §2 and
 * §3.1.3.7). There is no leeway on `exp`.
 *
 * @returns the `sub` claim, 1 to 1,024 bytes
 * @throws MayflyError `invalid_token`
 */
export function checkClaims(
  claims: JsonObject,
  { audience, tokenChecks = DEFAULT_TOKEN_CHECKS }: Pick<TrustedIssuer, "audience" | "tokenChecks">,
  nowMs: number,
): string {
  checkAudience(present(claims, "aud"), audience, tokenChecks);
  if (tokenChecks.isPartyRequired) checkParty(present(claims, "azp"), audience);
  checkTimes(claims, nowMs / 1000, tokenChecks);
  return checkSubject(present(claims, "sub"));
}

function present(claims: JsonObject, name: string): JsonValue {
  const value = claims.get(name);
  if (value === undefined) throw new MayflyError("TOKEN_CLAIM_MISSING", `the token has no ${name} claim`);
  return value;
}

function checkAudience(aud: JsonValue, audience: string, { isAudienceAlone }: TokenChecks): void {
  const audiences: readonly JsonValue[] = isJsonArray(aud) ? aud : [aud];
  const texts = audiences.every((entry) => typeof entry === "string");
  if (!texts || audiences.length === 0 || audiences.length > MAX_AUDIENCES) {
    throw new MayflyError("TOKEN_CLAIM_INVALID", "the aud claim is not a text or a list of 1 to 20 texts");
  }
  if (!audiences.includes(audience)) throw new MayflyError("WRONG_AUDIENCE", "the token is for another audience");
  if (isAudienceAlone && audiences.length > 1) {
    throw new MayflyError("WRONG_AUDIENCE", "the token is for other audiences as well");
  }
}

/** The party that the token was given to (OIDC Core §2). */
function checkParty(azp: JsonValue, audience: string): void {
  if (azp !== audience) throw new MayflyError("TOKEN_AUTHORIZED_PARTY", "the token was given to another party");
}

function checkTimes(claims: JsonObject, now: number, { leewaySeconds, maxLifetimeSeconds }: TokenChecks): void {
  const exp = numericDate(present(claims, "exp"), "exp");
  const iat = numericDate(present(claims, "iat"), "iat");
  const nbf = claims.has("nbf") ? numericDate(present(claims, "nbf"), "nbf") : iat;
  if (now >= exp) throw new MayflyError("TOKEN_EXPIRED", "the token has expired");
  if (nbf > now + leewaySeconds && claims.has("nbf")) {
    throw new MayflyError("TOKEN_NOT_YET_VALID", "the token is not valid yet");
  }
  if (iat > now + leewaySeconds) throw new MayflyError("TOKEN_ISSUED_IN_FUTURE", "the token was issued in the future");
  if (iat > exp) throw new MayflyError("TOKEN_CLAIM_INVALID", "the token expires before it was issued");
  if (exp - iat > maxLifetimeSeconds) {
    const seconds = String(maxLifetimeSeconds);
    throw new MayflyError("TOKEN_LIFETIME_TOO_LONG", `the token is valid for more than ${seconds} seconds`);
  }
}

/** NumericDate (RFC 7519 §2): seconds since the epoch, perhaps with a fraction. */
function numericDate(value: JsonValue, name: string): number {
  const seconds = isJsonNumber(value) ? Number(value.text) : Number.NaN;
  if (!(seconds > 0 && seconds <= Number.MAX_SAFE_INTEGER)) {
    throw new MayflyError("TOKEN_CLAIM_INVALID", `the ${name} claim is not a time`);
  }
  return seconds;
}

function checkSubject(sub: JsonValue): string {
  if (typeof sub !== "string" || sub === "" || UNPRINTABLE.test(sub)) {
    throw new MayflyError("TOKEN_CLAIM_INVALID", "the sub claim is not a printable text");
  }
  if (Buffer.byteLength(sub) > MAX_SUBJECT_BYTES) {
    throw new MayflyError("TOKEN_CLAIM_INVALID", "the sub claim is longer than 1,024 bytes");
  }
  return sub;
}
