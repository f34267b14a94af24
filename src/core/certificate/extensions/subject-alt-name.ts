import type { SubjectAltName } from "../../identity/principal.ts";
import { ascii, contextPrimitive, contextTag, oid, sequence, utf8String } from "../../encoding/der-writer.ts";
import { encodeExtension } from "./extension.ts";

const SUBJECT_ALT_NAME = oid("2.5.29.17");

/** Fulcio's type of an otherName: a user of a domain. */
const USERNAME = oid("1.3.6.1.4.1.57264.1.7");

/**
 * subjectAltName (RFC 5280 §4.2.1.6) with exactly one name, critical because the subject is empty.
 *
 * @throws RangeError when an address or a URI is not ASCII, or a user name no well-formed Unicode
 */
export function encodeSubjectAltName(name: SubjectAltName): Uint8Array {
  return encodeExtension(SUBJECT_ALT_NAME, "critical", sequence(encodeGeneralName(name)));
}

/**
 * One of the alternatives of GeneralName, all of which are tagged IMPLICIT:
 *
 *     otherName                       [0]     OtherName,
 *     rfc822Name                      [1]     IA5String,
 *     uniformResourceIdentifier       [6]     IA5String
 *
 *     OtherName ::= SEQUENCE {
 *          type-id    OBJECT IDENTIFIER,
 *          value      [0] EXPLICIT ANY DEFINED BY type-id }
 */
function encodeGeneralName({ kind, value }: SubjectAltName): Uint8Array {
  switch (kind) {
    case "username":
      return contextTag(0, USERNAME, contextTag(0, utf8String(value)));
    case "email":
      return contextPrimitive(1, ascii(value));
    case "uri":
      return contextPrimitive(6, ascii(value));
  }
}
