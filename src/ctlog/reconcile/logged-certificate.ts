import { hash } from "node:crypto";
import { assertLoggedTbs, serialNumberOfTbs } from "../../core/certificate/logged-tbs.ts";
import { splitCertificate } from "../../core/certificate/signed-certificate.ts";
import { DerError } from "../../core/encoding/der-reader.ts";
import { MayflyError } from "../../core/errors.ts";
import { decodePrecertEntry } from "../decode-precert-entry.ts";

/** What an entry of the log is compared by. */
export interface LoggedCertificate {
  /** Lower-case hex, 40 digits. */
  readonly serialNumber: string;
  /** Lower-case hex SHA-256 of the precertificate's TBS, poison included: what the CA signed first. */
  readonly tbsSha256: string;
  /** Of its SCT, milliseconds since the Unix epoch. */
  readonly timestampMs: number;
}

/** Hex digits of a serial number as the audit trail writes it: 20 octets. */
const SERIAL_NUMBER_DIGITS = 40;

/**
 * Reads what certificate an entry of this log is of. The tree commits to the logged TBS only; that the stored
 * precertificate is the one of it (RFC 6962 §3.2) is checked here.
 *
 * @param stored bytes of a TileLeaf (C2SP static-ct-api)
 * @throws MayflyError `log_failed` (LOG_CORRUPT) or `profile_violation` (CORRESPONDENCE)
 */
export function readLoggedCertificate(stored: Uint8Array): LoggedCertificate {
  const { timestampedEntry, signedEntry, preCertificate } = decodePrecertEntry(stored);
  try {
    assertLoggedTbs(preCertificate, signedEntry.tbsCertificate);
    const serialNumber = Buffer.from(serialNumberOfTbs(signedEntry.tbsCertificate)).toString("hex");
    return {
      serialNumber: serialNumber.padStart(SERIAL_NUMBER_DIGITS, "0"),
      tbsSha256: hash("sha256", splitCertificate(preCertificate).tbsCertificate, "hex"),
      timestampMs: timestampedEntry.timestampMs,
    };
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new MayflyError("LOG_CORRUPT", "is of a certificate that cannot be read", { cause });
  }
}
