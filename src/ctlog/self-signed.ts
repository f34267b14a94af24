import { X509Certificate } from "node:crypto";
import { MayflyError } from "../core/errors.ts";

/**
 * The roots among a log's certificates: those that name themselves as their issuer and are signed by their own key
 * (RFC 5280 §3.2). A chain that is logged ends with one.
 *
 * @param certificates DER
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when one is no certificate
 */
export function selfSignedOf(certificates: readonly Uint8Array[]): readonly Uint8Array[] {
  return certificates.filter(isSelfSigned);
}

function isSelfSigned(der: Uint8Array): boolean {
  try {
    const certificate = new X509Certificate(der);
    return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
  } catch (cause) {
    throw new MayflyError("LOG_CORRUPT", "an issuer of the log is no certificate", { cause });
  }
}
