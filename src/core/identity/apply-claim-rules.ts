import { MayflyError } from "../errors.ts";
import type { JsonObject } from "../encoding/json-reader.ts";
import type { ClaimRules } from "./claim-rules.ts";
import type { PermittedIdToken, VerifiedIdToken } from "./id-token.ts";

/** What an issuer's rules say of a token. */
export type ClaimJudgement =
  | {
      readonly permitted: true;
      /** Name of the rule that allows it. */
      readonly rule: string;
    }
  | {
      readonly permitted: false;
      /** Name of the rule that denies it; absent when none allows it. */
      readonly rule?: string;
    };

/** Holds claims against an issuer's rules. */
export type JudgeClaims = (rules: ClaimRules, claims: JsonObject) => ClaimJudgement;

/** A rule that denies wins over all that allow; where none allows, the token is refused. */
export const judgeClaims: JudgeClaims = (rules, claims) => {
  const denied = rules.deny(claims);
  if (denied !== undefined) return { permitted: false, rule: denied };
  const allowed = rules.allow(claims);
  return allowed === undefined ? { permitted: false } : { permitted: true, rule: allowed };
};

/**
 * Whether whom an issuer vouches for may have a certificate at all. Only a verified token is judged, so that nobody
 * learns from a made-up one what would be allowed.
 *
 * @throws MayflyError CLAIM_RULE_DENIED or CLAIM_RULE_NO_MATCH
 */
export function applyClaimRules(idToken: VerifiedIdToken, judge: JudgeClaims = judgeClaims): PermittedIdToken {
  const judgement = judge(idToken.issuer.rules, idToken.claims);
  if (judgement.permitted) return { ...idToken, rule: judgement.rule };
  throw judgement.rule === undefined
    ? new MayflyError("CLAIM_RULE_NO_MATCH", "no allow rule of the issuer holds for the token")
    : new MayflyError("CLAIM_RULE_DENIED", `a deny rule of the issuer holds for the token: ${judgement.rule}`);
}
