import { X509Certificate } from "node:crypto";
import type { FulcioIssuer } from "./fulcio-issuer-file.ts";

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu;

const BEGIN = "-----BEGIN CERTIFICATE-----";

/**
 * Certificate authorities for an issuer's TLS.
 *
 * @returns PEM without what stands between certificates; empty when none are named, undefined when they cannot be read
 */
export function fulcioCertificates({ "ca-cert": text }: FulcioIssuer): string | undefined {
  if (text.trim() === "") return "";
  const certificates = text.match(CERTIFICATES) ?? [];
  if (certificates.length !== text.split(BEGIN).length - 1) return undefined;
  try {
    for (const pem of certificates) new X509Certificate(pem);
  } catch {
    return undefined;
  }
  return certificates.length === 0 ? undefined : `${certificates.join("\n")}\n`;
}
