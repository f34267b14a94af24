import { MayflyError } from "../../errors.ts";
import type { VerifiedIdToken } from "../id-token.ts";
import type { UsernameRules } from "../issuer.ts";
import type { Principal } from "../principal.ts";
import { isUsername } from "../username.ts";

/**
 * A user of one domain: the token's subject, `!` and the configured domain name the certificate (otherName); the subject is
 * the challenge.
 *
 * @throws MayflyError SAN_NOT_PERMITTED
 */
export function deriveUsernamePrincipal(token: VerifiedIdToken, { subjectDomain }: UsernameRules): Principal {
  const { subject } = token;
  if (!isUsername(subject)) throw new MayflyError("SAN_NOT_PERMITTED", "the sub claim is not a plain user name");
  return {
    challenge: subject,
    challengeClaim: "sub",
    subjectAltName: { kind: "username", value: `${subject}!${subjectDomain}` },
    extensions: { issuer: token.issuer.url, tokenSubject: subject },
  };
}
