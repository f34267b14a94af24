import type { JsonObject, JsonValue } from "../../encoding/json-reader.ts";
import { MayflyError } from "../../errors.ts";
import { objectClaim } from "../claim.ts";
import { emailClaim, emailVerifiedClaim } from "../email-claims.ts";
import type { VerifiedIdToken } from "../id-token.ts";
import type { Principal } from "../principal.ts";
import { assembleSubjectUri } from "../template/assemble-uri.ts";

/**
 * An identity of Chainguard's, human or not: the subject below the issuer's URL names the certificate. The challenge is the
 * e-mail address of a token that has one, and it must be verified; else the subject.
 *
 * @throws MayflyError TOKEN_EMAIL_INVALID, TOKEN_EMAIL_UNVERIFIED, TOKEN_CLAIM_INVALID, SAN_NOT_PERMITTED
 */
export function deriveChainguardPrincipal(token: VerifiedIdToken): Principal {
  checkUnusedClaims(token);
  const base = { text: token.issuer.url.replace(/\/?$/u, "/") };
  const subject = { text: token.subject, claim: "sub" };
  return {
    ...deriveChallenge(token),
    subjectAltName: { kind: "uri", value: assembleSubjectUri([base, subject], () => false) },
    extensions: { issuer: token.issuer.url, tokenSubject: token.subject },
  };
}

function deriveChallenge({ claims, subject }: VerifiedIdToken): Pick<Principal, "challenge" | "challengeClaim"> {
  const email = claims.get("email");
  if (email === undefined || email === "") return { challenge: subject, challengeClaim: "sub" };
  const said = emailVerifiedClaim(claims);
  if (said !== "yes" && said !== "yes-as-text") {
    throw new MayflyError("TOKEN_EMAIL_UNVERIFIED", "the issuer has not verified the email address");
  }
  return { challenge: emailClaim(claims), challengeClaim: "email" };
}

/**
 * Who acts for the subject (`act`, RFC 8693 §4.1), and which service of Chainguard's it is: not in the certificate, but a token
 * that has these claims must make sense. Null stands for what is absent.
 */
function checkUnusedClaims({ claims }: VerifiedIdToken): void {
  for (const value of membersOf(claims, "act").values()) checkText("act", value);
  checkText("internal", membersOf(claims, "internal").get("service-principal"));
}

function membersOf(claims: JsonObject, name: string): JsonObject {
  const isAbsent = (claims.get(name) ?? null) === null;
  return isAbsent ? new Map() : objectClaim(claims, name);
}

function checkText(claim: string, value: JsonValue | undefined): void {
  if (typeof value === "string" || (value ?? null) === null) return;
  throw new MayflyError("TOKEN_CLAIM_INVALID", `the ${claim} claim holds something that is no text`);
}
