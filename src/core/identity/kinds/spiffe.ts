import { MayflyError } from "../../errors.ts";
import type { VerifiedIdToken } from "../id-token.ts";
import type { SpiffeRules } from "../issuer.ts";
import type { Principal } from "../principal.ts";

/** Path of a SPIFFE ID (SPIFFE-ID §2.2): segments of these characters, none empty, no slash at the end. */
const PATH = /^(?:\/[A-Za-z0-9._-]+)*$/u;

/**
 * A workload: the token's subject is a SPIFFE ID of exactly the configured trust domain; it names the certificate and is the
 * challenge. Neither a parent nor a child of the trust domain will do (SPIFFE-ID §2.1).
 *
 * @throws MayflyError SAN_NOT_PERMITTED
 */
export function deriveSpiffePrincipal(token: VerifiedIdToken, { trustDomain }: SpiffeRules): Principal {
  const { subject } = token;
  const prefix = `spiffe://${trustDomain}`;
  if (!subject.startsWith(prefix) || !isPath(subject.slice(prefix.length))) {
    throw new MayflyError("SAN_NOT_PERMITTED", "the sub claim is no SPIFFE ID of the issuer's trust domain");
  }
  return {
    challenge: subject,
    challengeClaim: "sub",
    subjectAltName: { kind: "uri", value: subject },
    extensions: { issuer: token.issuer.url, tokenSubject: subject },
  };
}

function isPath(text: string): boolean {
  return PATH.test(text) && !text.split("/").some((segment) => segment === "." || segment === "..");
}
