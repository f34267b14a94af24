import type { SubjectAltName } from "../../identity/principal.ts";
import { ascii, contextPrimitive, oid, sequence } from "../../encoding/der-writer.ts";
import { encodeExtension } from "./extension.ts";

const SUBJECT_ALT_NAME = oid("2.5.29.17");

/** Tag numbers of GeneralName (RFC 5280 §4.2.1.6); both are IA5String, tagged IMPLICIT. */
const GENERAL_NAME = { email: 1, uri: 6 } as const;

/**
 * subjectAltName (RFC 5280 §4.2.1.6) with exactly one name, critical because the subject is empty.
 *
 * @throws RangeError when the name is not ASCII
 */
export function encodeSubjectAltName(name: SubjectAltName): Uint8Array {
  const generalName = contextPrimitive(GENERAL_NAME[name.kind], ascii(name.value));
  return encodeExtension(SUBJECT_ALT_NAME, "critical", sequence(generalName));
}
