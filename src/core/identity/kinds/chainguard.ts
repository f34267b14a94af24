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
  checkActor(token);
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

/** Who acts for the subject (`act`, RFC 8693 §4.1): not in the certificate, but a token that has it must make sense. */
function checkActor({ claims }: VerifiedIdToken): void {
  if (!claims.has("act")) return;
  for (const value of objectClaim(claims, "act").values()) {
    if (typeof value !== "string") throw new MayflyError("TOKEN_CLAIM_INVALID", "the act claim holds more than texts");
  }
}
