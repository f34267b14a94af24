import { MayflyError } from "../../errors.ts";
import type { VerifiedIdToken } from "../id-token.ts";
import type { IdentityRules } from "../issuer.ts";
import type { Principal } from "../principal.ts";

/** Dot-atom of RFC 5322 §3.2.3 in ASCII. Quoted local parts are refused: no two verifiers compare them alike. */
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/u;

/** A label of letters, digits and inner hyphens (RFC 1123 §2.1). */
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/u;

/** The last label starts and ends with a letter, so an IP address is no domain. */
const TOP_LABEL = /^[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z])?$/u;

const MAX_LOCAL_PART = 64;
const MAX_DOMAIN = 253;
const MAX_ADDRESS = 254;

/** The texts of `email_verified` that mean yes and no; anything else means nothing. */
const VERIFIED: readonly unknown[] = [true, "true", "True"];
const UNVERIFIED: readonly unknown[] = [undefined, false, "false", "False"];

/**
 * A person: the `email` claim (OIDC Core §5.1) names the certificate (rfc822Name) and is the challenge. It is never
 * folded, normalised or converted, so what the certificate says is what the issuer said.
 *
 * @throws MayflyError TOKEN_CLAIM_MISSING, TOKEN_EMAIL_INVALID or TOKEN_EMAIL_UNVERIFIED
 */
export function deriveEmailPrincipal(
  token: VerifiedIdToken,
  rules: Extract<IdentityRules, { kind: "email" }>,
): Principal {
  const email = token.claims.get("email");
  if (email === undefined) throw new MayflyError("TOKEN_CLAIM_MISSING", "the token has no email claim");
  if (typeof email !== "string" || !isMailbox(email)) {
    throw new MayflyError("TOKEN_EMAIL_INVALID", "the email claim is not an ASCII mailbox");
  }
  checkVerified(token, rules.skipEmailVerification);
  return {
    challenge: email,
    challengeClaim: "email",
    subjectAltName: { kind: "email", value: email },
    extensions: { issuer: token.issuer.url, tokenSubject: token.subject },
  };
}

function checkVerified(token: VerifiedIdToken, skip: boolean): void {
  const verified = token.claims.get("email_verified");
  if (VERIFIED.includes(verified)) return;
  if (skip && UNVERIFIED.includes(verified)) return;
  throw new MayflyError("TOKEN_EMAIL_UNVERIFIED", "the issuer has not verified the email address");
}

/** Whether a text is `Mailbox` of RFC 5321 §4.1.2 without quoted strings, address literals or characters beyond ASCII. */
function isMailbox(text: string): boolean {
  if (text.length > MAX_ADDRESS) return false;
  const at = text.indexOf("@");
  return isLocalPart(text.slice(0, Math.max(at, 0))) && isDomain(text.slice(at + 1));
}

function isLocalPart(text: string): boolean {
  return text.length <= MAX_LOCAL_PART && LOCAL_PART.test(text);
}

function isDomain(text: string): boolean {
  if (text.length > MAX_DOMAIN) return false;
  const labels = text.split(".");
  return labels.length >= 2 && labels.every((label) => LABEL.test(label)) && TOP_LABEL.test(labels.at(-1) ?? "");
}
