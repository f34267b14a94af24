import { contextPrimitive, oid, sequence } from "../../encoding/der-writer.ts";
import { encodeExtension } from "./extension.ts";

const AUTHORITY_KEY_IDENTIFIER = oid("2.5.29.35");

/**
 * authorityKeyIdentifier (RFC 5280 §4.2.1.1), not critical, with the keyIdentifier form only.
 *
 * @param issuerKeyIdentifier keyIdentifier in the issuer's subjectKeyIdentifier extension
 */
export function encodeAuthorityKeyIdentifier(issuerKeyIdentifier: Uint8Array): Uint8Array {
  return encodeExtension(AUTHORITY_KEY_IDENTIFIER, "not-critical", sequence(contextPrimitive(0, issuerKeyIdentifier)));
}
