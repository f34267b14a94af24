import { isIP } from "node:net";
import { isTrustedBy } from "./issuer-rules.ts";
import { isLoopback } from "./loopback.ts";

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

/** What tells Fulcio that it runs in a cluster whose tokens it takes. */
const CLUSTER_ISSUER = "https://kubernetes.default.svc";

/** The API server by the names that the cluster's own name servers have for it. */
const CLUSTER_HOST = /^kubernetes\.default\.svc(?:\.|$)/u;

/**
 * Whether an issuer is the API server of the cluster that Fulcio runs in, whatever the cluster's domain is
 * (`kubernetes.default.svc.cluster.local`).
 *
 * @param issuers all of Fulcio's file
 */
export function isOfTheCluster(url: string, issuers: readonly { readonly key: string }[]): boolean {
  if (!isOnPrivateNetwork(url) || !CLUSTER_HOST.test(new URL(url).hostname)) return false;
  return issuers.some(({ key }) => isTrustedBy({ url: key, allowBroadWildcard: true }, CLUSTER_ISSUER));
}
