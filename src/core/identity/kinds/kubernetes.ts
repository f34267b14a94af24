import { MayflyError } from "../../errors.ts";
import { claimAt } from "../claim.ts";
import type { VerifiedIdToken } from "../id-token.ts";
import type { Principal } from "../principal.ts";

/** DNS label (RFC 1123 §2.1), as Kubernetes names namespaces. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u;

/** What Kubernetes names service accounts: labels between dots, 253 characters at most. */
const SUBDOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/u;
const MAX_SUBDOMAIN = 253;

/**
 * A service account: namespace and name of the `kubernetes.io` claim name the certificate, as a URI; the challenge is the
 * token's subject, which must say the same. The URI does not say which cluster; the issuer in the certificate does.
 *
 * @throws MayflyError TOKEN_CLAIM_MISSING, TOKEN_CLAIM_INVALID, SAN_NOT_PERMITTED
 */
export function deriveKubernetesPrincipal(token: VerifiedIdToken): Principal {
  const namespace = claimAt(token.claims, ["kubernetes.io", "namespace"]);
  const name = claimAt(token.claims, ["kubernetes.io", "serviceaccount", "name"]);
  if (!LABEL.test(namespace) || name.length > MAX_SUBDOMAIN || !SUBDOMAIN.test(name)) {
    throw new MayflyError("SAN_NOT_PERMITTED", "the kubernetes.io claim holds names that Kubernetes does not give");
  }
  if (token.subject !== `system:serviceaccount:${namespace}:${name}`) {
    throw new MayflyError("SAN_NOT_PERMITTED", "the sub claim is not the service account of the kubernetes.io claim");
  }
  return {
    challenge: token.subject,
    challengeClaim: "sub",
    subjectAltName: {
      kind: "uri",
      value: `https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${name}`,
    },
    extensions: { issuer: token.issuer.url, tokenSubject: token.subject },
  };
}
