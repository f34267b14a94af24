import type { FulcioIssuer, FulcioIssuerFile } from "./fulcio-issuer-file.ts";
import { isOfTheCluster } from "./fulcio-issuer-hosts.ts";

const FILES = {
  caCertificate: "/var/run/fulcio/ca.crt",
  bearerTokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
} as const;

/**
 * Settings of the cluster that Fulcio runs in, whose documents it asks for as a service account over the cluster's own
 * authority, whatever `ca-cert` is; undefined for any other issuer.
 */
export function clusterFiles(
  { type, key, isPattern }: FulcioIssuer,
  { issuers }: FulcioIssuerFile,
): typeof FILES | undefined {
  return type === "kubernetes" && !isPattern && isOfTheCluster(key, issuers) ? FILES : undefined;
}
