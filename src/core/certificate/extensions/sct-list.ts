import { octetString, oid } from "../../encoding/der-writer.ts";
import { encodeExtension } from "./extension.ts";

const SCT_LIST = oid("1.3.6.1.4.1.11129.2.4.2");

/**
 * The embedded SCTs (RFC 6962 §3.3), not critical: an OCTET STRING inside the extnValue's own.
 *
 * @param list TLS-encoded SignedCertificateTimestampList, outer length included
 */
export function encodeSctListExtension(list: Uint8Array): Uint8Array {
  return encodeExtension(SCT_LIST, "not-critical", octetString(list));
}
