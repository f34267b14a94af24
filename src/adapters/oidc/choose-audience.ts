import { isJsonArray, type JsonObject } from "../../core/encoding/json-reader.ts";
import { MayflyError } from "../../core/errors.ts";
import type { TrustedIssuer } from "../../core/identity/issuer.ts";

/**
 * The entry of an issuer that a token is for, by its audience. Whoever could choose between two would choose the one with
 * the rules that suit them, so a token for both is for none. Whether the token is for the entry at all is judged with its
 * other claims.
 *
 * @param entries of one issuer, each with another audience; at least one
 * @throws MayflyError AUDIENCE_AMBIGUOUS
 */
export function chooseAudience(
  [first, ...others]: readonly [TrustedIssuer, ...TrustedIssuer[]],
  claims: JsonObject,
): TrustedIssuer {
  if (others.length === 0) return first;
  const aud = claims.get("aud");
  const named = [first, ...others].filter(({ audience }) =>
    isJsonArray(aud) ? aud.includes(audience) : aud === audience,
  );
  if (named.length > 1) {
    throw new MayflyError("AUDIENCE_AMBIGUOUS", "the token is for several audiences that its issuer is trusted for");
  }
  return named[0] ?? first;
}
