import type { JsonObject } from "../encoding/json-reader.ts";
import type { TrustedIssuer } from "./issuer.ts";

/** An ID token whose signature, issuer, audience and times were verified (OIDC Core §3.1.3.7). Only a verifier makes one. */
export interface VerifiedIdToken {
  readonly issuer: TrustedIssuer;
  /** The `sub` claim, not empty. */
  readonly subject: string;
  /** All claims, exact: no duplicate members, no prototype, numbers as they were written. */
  readonly claims: JsonObject;
}

/** A verified token that its issuer's claim rules permit. Only `applyClaimRules` makes one. */
export interface PermittedIdToken extends VerifiedIdToken {
  /** Name of the rule that allows it. */
  readonly rule: string;
}
