import { MayflyError } from "../../errors.ts";
import { claimAt } from "../claim.ts";
import { emailClaim, emailVerifiedClaim } from "../email-claims.ts";
import type { EmailVerified } from "../email-claims.ts";
import type { VerifiedIdToken } from "../id-token.ts";
import type { EmailRules, EmailTrust } from "../issuer.ts";
import { isOfDomains } from "../mailbox.ts";
import type { Principal } from "../principal.ts";

/** What a token may say of its address, by what the issuer's word is worth; `yes-as-text` is a matter of its own. */
const TAKEN: Readonly<Record<EmailTrust, readonly EmailVerified[]>> = {
  verified: ["yes"],
  "tenant-pinned": ["yes", "not-said"],
  unverified: ["yes", "yes-as-text", "no", "not-said"],
  forbidden: [],
};

/**
 * A person: the `email` claim (OIDC Core §5.1) names the certificate (rfc822Name) and is the challenge. It is never
 * folded, normalised or converted, so what the certificate says is what the issuer said. Where the issuer only passes on
 * what others said, a claim of its choice is named as the issuer.
 *
 * @throws MayflyError TOKEN_CLAIM_MISSING, TOKEN_CLAIM_INVALID, TOKEN_EMAIL_INVALID, TOKEN_EMAIL_UNVERIFIED,
 *   SAN_NOT_PERMITTED where the issuer may not vouch for addresses, EMAIL_DOMAIN_NOT_ALLOWED
 */
export function deriveEmailPrincipal(token: VerifiedIdToken, rules: EmailRules): Principal {
  if (rules.emailTrust === "forbidden") {
    throw new MayflyError("SAN_NOT_PERMITTED", "this issuer may not vouch for e-mail addresses");
  }
  const email = emailClaim(token.claims);
  if (!isTaken(emailVerifiedClaim(token.claims), rules)) {
    throw new MayflyError("TOKEN_EMAIL_UNVERIFIED", "the issuer has not verified the email address");
  }
  if (rules.domains !== undefined && !isOfDomains(email, rules.domains)) {
    throw new MayflyError("EMAIL_DOMAIN_NOT_ALLOWED", "the email address belongs to none of the issuer's domains");
  }
  const issuer = rules.issuerClaim === undefined ? token.issuer.url : claimAt(token.claims, rules.issuerClaim);
  return {
    challenge: email,
    challengeClaim: "email",
    subjectAltName: { kind: "email", value: email },
    extensions: { issuer, tokenSubject: token.subject },
  };
}

function isTaken(said: EmailVerified, { emailTrust, acceptTextVerified = false }: EmailRules): boolean {
  return TAKEN[emailTrust].includes(said === "yes-as-text" && acceptTextVerified ? "yes" : said);
}
