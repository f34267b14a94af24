import { publicKeyHash, takeEmbeddedScts } from "../core/certificate/embedded-scts.ts";
import { encodeMerkleTreeLeaf, type SignedEntry } from "../core/ct/log-entry.ts";
import type { LogKey } from "../core/ct/log-key.ts";
import { decodeSctList, verifySct, type SignedCertificateTimestamp } from "../core/ct/sct.ts";
import { DerError } from "../core/encoding/der-reader.ts";
import { PresentationError } from "../core/encoding/tls-presentation.ts";
import { MayflyError } from "../core/errors.ts";
import { leafHash } from "../core/merkle/tree.ts";

/** A certificate whose SCT is to be verified. */
export interface IssuedByCa {
  /** DER of the certificate. */
  readonly certificate: Uint8Array;
  /** DER of the certificate of the CA that issued it. */
  readonly issuer: Uint8Array;
}

/** An SCT that a log's key signed for one certificate, and where in the log it says the certificate is. */
export interface VerifiedSct extends SignedCertificateTimestamp {
  /** SHA-256 leaf hash of the entry (RFC 6962 §2.1), 32 bytes: what is included in the log if the log keeps its word. */
  readonly leafHash: Uint8Array;
}

/**
 * The SCTs inside a certificate (RFC 6962 §3.3), none of them verified. Those of algorithms that no Sigstore log uses are
 * refused with the rest.
 *
 * @param certificate DER
 * @returns nothing when it has none
 * @throws MayflyError `log_failed` (SCT_INVALID) when it is no certificate or its list cannot be read
 */
export function sctsOfCertificate(certificate: Uint8Array): readonly SignedCertificateTimestamp[] {
  return asSctFailure(() => {
    const embedded = takeEmbeddedScts(certificate);
    return embedded === undefined ? [] : decodeSctList(embedded.sctList);
  });
}

/**
 * Verifies the SCT that one log gave for a certificate (RFC 6962 §3.2). It says that the log promised to have the
 * certificate, not that it has it, nor that the CA issued it.
 *
 * @param logKey of the log; SCTs by others are passed over
 * @throws MayflyError `log_failed` (SCT_INVALID) when the certificate has no SCT by this log, or one that is wrong
 */
export function verifyEmbeddedSct({ certificate, issuer }: IssuedByCa, logKey: LogKey): VerifiedSct {
  return asSctFailure(() => {
    const embedded = takeEmbeddedScts(certificate);
    const scts = embedded === undefined ? [] : decodeSctList(embedded.sctList);
    const sct = scts.find(({ logId }) => Buffer.compare(logId, logKey.logId) === 0);
    if (embedded === undefined || sct === undefined) {
      throw new MayflyError("SCT_INVALID", "the certificate has no SCT by this log");
    }
    const { tbsCertificate } = embedded;
    const signedEntry: SignedEntry = { kind: "precert_entry", issuerKeyHash: publicKeyHash(issuer), tbsCertificate };
    verifySct(sct, signedEntry, logKey);
    const { timestampMs, extensions } = sct;
    return { ...sct, leafHash: leafHash(encodeMerkleTreeLeaf({ timestampMs, signedEntry, extensions })) };
  });
}

function asSctFailure<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof DerError) && !(cause instanceof PresentationError)) throw cause;
    throw new MayflyError("SCT_INVALID", `the certificate's SCTs cannot be read: ${cause.message}`, { cause });
  }
}
