import { isIP } from "node:net";
import { isLoopback } from "./loopback.ts";

/**
 * Issuers that serve more than one organization, by URL: whoever has an account there, or a repository, gets tokens. Those
 * of Sigstore's public Fulcio, and two others that private ones are known to name.
 */
const SHARED: ReadonlySet<string> = new Set([
  "https://accounts.google.com",
  "https://agent.buildkite.com",
  "https://auth.eclipse.org/auth/realms/foundation-service-accounts",
  "https://dev.gitlab.org",
  "https://gitlab.archlinux.org",
  "https://gitlab.com",
  "https://issuer.enforce.dev",
  "https://issuer.hello.coop",
  "https://login.microsoftonline.com/common/v2.0",
  "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
  "https://oauth2.sigstage.dev/auth",
  "https://oauth2.sigstore.dev/auth",
  "https://oidc.circleci.com",
  "https://oidc.codefresh.io",
  "https://ops.gitlab.net",
  "https://sigstore.verify.ibm.com/oauth2",
  "https://token.actions.githubusercontent.com",
  "https://www.kaggle.com/api/v1/models/signing",
]);

/** Whether an issuer gives tokens to people of more than one organization. */
export function isSharedIssuer(url: string): boolean {
  return SHARED.has(url) || /^https:\/\/[a-z-]+\.buddyusercontent\.com$/u.test(url);
}

/** RFC 1918, RFC 6598, RFC 3927, RFC 4193 and RFC 4291 §2.5.6, as prefixes of the text. */
const PRIVATE_ADDRESS =
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.|169\.254\.|f[cd]|fe[89ab])/iu;

/** Names that no public name server answers for: RFC 6761, RFC 6762, RFC 9476, `.internal`, and services of Kubernetes. */
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|alt|svc|home\.arpa)$/iu;

/** Whether an issuer's host can only be an address of a private network: as far as its name tells. */
export function isOnPrivateNetwork(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const host = new URL(url).hostname.replaceAll(/[[\]]/gu, "");
  if (isLoopback(host) || PRIVATE_NAME.test(host)) return true;
  return isIP(host) === 0 ? !host.includes(".") : PRIVATE_ADDRESS.test(host);
}
