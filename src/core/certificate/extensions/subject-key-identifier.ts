import { hash } from "node:crypto";
import { derChildren, parseBitString, parseDer } from "../../encoding/der-reader.ts";
import { octetString, oid } from "../../encoding/der-writer.ts";
import { encodeExtension } from "./extension.ts";

const SUBJECT_KEY_IDENTIFIER = oid("2.5.29.14");

/**
 * keyIdentifier of a key (RFC 5280 §4.2.1.2, method 1): SHA-1 over the subjectPublicKey bits, without tag, length and
 * unused-bits octet. It only finds the issuer among candidates; nothing rests on SHA-1 here.
 *
 * @param spki DER SubjectPublicKeyInfo
 * @returns 20 octets
 * @throws DerError when `spki` is not one
 */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  return hash("sha1", parseBitString(derChildren(parseDer(spki))[1]), "buffer");
}

/** subjectKeyIdentifier (RFC 5280 §4.2.1.2), not critical. */
export function encodeSubjectKeyIdentifier(identifier: Uint8Array): Uint8Array {
  return encodeExtension(SUBJECT_KEY_IDENTIFIER, "not-critical", octetString(identifier));
}
