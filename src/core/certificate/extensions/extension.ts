import { boolean, octetString, sequence } from "../../encoding/der-writer.ts";

const CRITICAL = boolean(true);

/** Whether a verifier that does not know an extension must refuse the certificate (RFC 5280 §4.2). */
export type Criticality = "critical" | "not-critical";

/**
 * One Extension (RFC 5280 §4.1): `SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }`. FALSE is
 * the default and is therefore not written (X.690 §11.5).
 *
 * @param extnId DER OBJECT IDENTIFIER
 * @param value what the OCTET STRING holds, usually a DER element
 */
export function encodeExtension(extnId: Uint8Array, criticality: Criticality, value: Uint8Array): Uint8Array {
  return criticality === "critical"
    ? sequence(extnId, CRITICAL, octetString(value))
    : sequence(extnId, octetString(value));
}
