import type { Precertificate } from "../core/issuance-types.ts";
import type { SignedCertificateTimestamp } from "../core/ct/sct.ts";

/** A certificate transparency log, embedded or external, as issuance sees it. */
export interface CertificateLog {
  /**
   * Asked before a precertificate is signed, so that none is that the log is known to refuse. Must cost next to nothing.
   *
   * @throws MayflyError `log_failed` or `log_unavailable`
   */
  requireOpen(): void;
  /**
   * Logs a precertificate (RFC 6962 §3.1). When the promise resolves, the entry is durable, integrated and under a
   * published checkpoint, and the SCT was checked.
   *
   * @throws MayflyError `log_failed` or `log_unavailable`; the entry may exist all the same
   */
  add(precertificate: Precertificate): Promise<SignedCertificateTimestamp>;
}
