import { hash } from "node:crypto";
import type { SignedEntry } from "../core/ct/log-entry.ts";
import { derContentStart, derElementEnd } from "../core/encoding/der-reader.ts";

/** LogEntryType precert_entry(1) of RFC 6962 §3.1, two bytes. */
const PRECERT_ENTRY_TYPE = Uint8Array.of(0, 1);

/** Fields of a TBSCertificate before its validity: version, serialNumber, signature, issuer (RFC 5280 §4.1). */
const FIELDS_BEFORE_VALIDITY = 4;

const KEY_LENGTH = 32;
const TIME_LENGTH = 6;
/** `YYMMDDHHMMSSZ`, which UTCTime is and GeneralizedTime ends in (RFC 5280 §4.1.2.5). */
const TIME_CHARACTERS = 13;

/**
 * What makes two submissions the same one, 32 bytes: notBefore as the digits `YYMMDDHHMMSS`, two to a byte, then the first
 * 26 bytes of SHA-256 over entry type, issuer key hash and logged TBS.
 *
 * The time comes first so that new keys lie side by side at the end of the store's index. Keys in no order would each
 * change a page of their own: 5 µs more for each entry, and in a large log a page that must be read from the disk first.
 *
 * @throws DerError when the TBS does not begin as one
 */
export function submissionKey(entry: Extract<SignedEntry, { readonly kind: "precert_entry" }>): Uint8Array {
  const { issuerKeyHash, tbsCertificate } = entry;
  const key = Buffer.allocUnsafe(KEY_LENGTH);
  const time = notBeforeEnd(tbsCertificate) - TIME_CHARACTERS;
  for (let at = 0; at < TIME_LENGTH; at++) {
    key[at] = digitAt(tbsCertificate, time + 2 * at) * 16 + digitAt(tbsCertificate, time + 2 * at + 1);
  }
  const sha256 = hash("sha256", Buffer.concat([PRECERT_ENTRY_TYPE, issuerKeyHash, tbsCertificate]), "buffer");
  key.set(sha256.subarray(0, KEY_LENGTH - TIME_LENGTH), TIME_LENGTH);
  return key;
}

/** Where notBefore ends: the first of the two times in validity. */
function notBeforeEnd(tbs: Uint8Array): number {
  derElementEnd(tbs, 0);
  let at = derContentStart(tbs, 0);
  for (let field = 0; field < FIELDS_BEFORE_VALIDITY; field++) at = derElementEnd(tbs, at);
  derElementEnd(tbs, at);
  return derElementEnd(tbs, derContentStart(tbs, at));
}

/** An ASCII digit as a number; another octet gives another number, but always the same one. */
function digitAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) % 16;
}
