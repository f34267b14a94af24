import type { Precertificate } from "../core/issuance-types.ts";
import type { SignedCertificateTimestamp } from "../core/ct/sct.ts";

/** A certificate transparency log, embedded or external, as issuance sees it. */
export interface CertificateLog {
  /**
   * Logs a precertificate (RFC 6962 §3.1). When the promise resolves, the entry is durable, integrated and under a
   * published checkpoint, and the SCT was checked.
   *
   * @throws MayflyError `log_failed` or `log_unavailable`; the entry may exist all the same
   */
  add(precertificate: Precertificate): Promise<SignedCertificateTimestamp>;
}
