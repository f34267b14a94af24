import type { JsonValue } from "../../src/core/encoding/json-reader.ts";
import type { MayflyError } from "../../src/core/errors.ts";
import { ANY_TOKEN, NO_CLAIM_RULES } from "../../src/core/identity/claim-rules.ts";
import { derivePrincipal } from "../../src/core/identity/derive-principal.ts";
import type { IdentityRules } from "../../src/core/identity/issuer.ts";
import type { Principal } from "../../src/core/identity/principal.ts";

/** Claims of a token; one that is undefined is not there. */
export type Claims = Readonly<Record<string, JsonValue | undefined>>;

/** The issuer of {@link derive}'s tokens. */
export const ISSUER = "https://issuer.example";

/** Objects as the JSON reader gives them. */
export const jsonObject = (members: Readonly<Record<string, JsonValue>>): JsonValue => new Map(Object.entries(members));

/** The principal of a token with these claims, whose subject is `the-subject` unless `sub` is among them. */
export function derive(identity: IdentityRules, claims: Claims, url = ISSUER): Principal {
  const present = Object.entries(claims).filter((claim): claim is [string, JsonValue] => claim[1] !== undefined);
  const { sub } = claims;
  return derivePrincipal({
    issuer: { url, audience: "sigstore", identity, rules: NO_CLAIM_RULES },
    rule: ANY_TOKEN,
    subject: typeof sub === "string" ? sub : "the-subject",
    claims: new Map(present),
  });
}

/** Why there is no principal. */
export function refusal(identity: IdentityRules, claims: Claims): Pick<MayflyError, "reason" | "message"> {
  try {
    derive(identity, claims);
  } catch (error) {
    const { reason, message } = error as MayflyError;
    return { reason, message };
  }
  throw new Error("a principal was derived");
}
