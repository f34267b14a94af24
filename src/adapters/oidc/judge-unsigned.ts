import { isJsonNumber } from "../../core/encoding/json-reader.ts";
import type { JsonObject } from "../../core/encoding/json-reader.ts";
import { MayflyError } from "../../core/errors.ts";
import type { VerifiedIdToken } from "../../core/identity/id-token.ts";
import { matchesIssuerPattern, parseIssuerPattern, splitIssuerUrl } from "../../core/identity/issuer-pattern.ts";
import { checkClaims } from "./check-claims.ts";
import { checkType } from "./check-type.ts";
import { chooseAudience } from "./choose-audience.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import { trustedEntries } from "./open-issuer.ts";
import type { SettingsOfIssuer } from "./open-issuer.ts";
import type { TokenHeader } from "./parse-token.ts";
import { hasName } from "./pattern-issuers.ts";

/** A recorded token that nobody has verified. */
export interface UnsignedToken {
  /** Absent where claims alone were recorded. */
  readonly header?: TokenHeader;
  readonly claims: JsonObject;
}

/**
 * What a verifier would say of a token at the moment of its `iat` if its signature were good. For whoever tries a
 * configuration on recorded tokens: the result is worth nothing where somebody wants a certificate.
 *
 * @throws MayflyError `untrusted_issuer` or `invalid_token`
 */
export function judgeUnsigned(issuers: readonly IssuerSettings[], { header, claims }: UnsignedToken): VerifiedIdToken {
  const settings = findIssuer(issuers, claims);
  const issuer = chooseAudience(trustedEntries(settings), claims);
  if (header !== undefined) {
    checkType(header, issuer);
    checkAlgorithm(header, settings[0]);
  }
  const iat = claims.get("iat");
  const subject = checkClaims(claims, issuer, isJsonNumber(iat) ? Number(iat.text) * 1000 : 0);
  return { issuer, subject, claims };
}

/** What the entry permits; what the issuer announces nobody has asked for. */
function checkAlgorithm({ alg }: TokenHeader, { algorithms }: IssuerSettings): void {
  if (algorithms?.includes(alg) === false) {
    throw new MayflyError("TOKEN_ALGORITHM", "the issuer's entry does not permit the token's algorithm");
  }
}

function findIssuer(issuers: readonly IssuerSettings[], claims: JsonObject): SettingsOfIssuer {
  const iss = claims.get("iss");
  if (typeof iss !== "string")
    throw new MayflyError("TOKEN_CLAIM_MISSING", "the token has no iss claim that is a text");
  const exact = issuers.filter(({ url, pattern }) => pattern === undefined && url === iss);
  const found = exact.length > 0 ? exact : matching(issuers, iss);
  const [first, ...others] = found;
  if (first === undefined) throw new MayflyError("ISSUER_UNKNOWN", "the token's issuer is not a configured one");
  return [first, ...others];
}

function matching(issuers: readonly IssuerSettings[], iss: string): readonly IssuerSettings[] {
  const url = splitIssuerUrl(iss);
  if (url === undefined || !hasName(url)) return [];
  return issuers
    .filter(
      ({ pattern }) =>
        pattern !== undefined && matchesIssuerPattern(parseIssuerPattern(pattern, { allowBroadWildcard: true }), url),
    )
    .map((settings) => ({ ...settings, url: iss }));
}
