/** One wrong piece of text in one source file: `from` stands there exactly once. */
export interface Substitution {
  /** Path below `src/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A defect that somebody could have put into the encoder. */
export interface Mutant extends Substitution {
  readonly defect: string;
}

const DER = "core/encoding/der-writer.ts";
const TBS = "core/certificate/encode-tbs.ts";
const EXTENSIONS = "core/certificate/extensions";
const VALIDITY = "core/certificate/validity.ts";

/** What Mayfly itself checks between encoding and signing; without it, only the judges are left. */
export const WITHOUT_OWN_CHECKS: readonly Substitution[] = [
  { file: TBS, from: `last.kind === "poison" ? lintTbs(tbs, template, last.kind) : tbs`, to: "tbs" },
  { file: TBS, from: "lintThat(Buffer.compare(named, algorithm) === 0", to: "lintThat(true" },
  { file: "issuance/sign-certificate.ts", from: "assertCorrespond(precertificate.tbs, tbs);", to: "" },
];

/** Defects by hand, in the DER writer and in everything that uses it on the way from template to certificate and SCT. */
// prettier-ignore
export const MUTANTS: readonly Mutant[] = [
  // DER (X.690)
  { defect: "a length of 128 in one octet", file: DER, from: "if (length < 0x80) return 1;", to: "if (length <= 0x80) return 1;" },
  { defect: "a length of 255 in three octets", file: DER, from: "if (length < 0x100) return 2;", to: "if (length < 0xff) return 2;" },
  { defect: "lengths from 256 on in four octets", file: DER, from: "if (length < 0x10000) return 3;", to: "if (length < 0x100) return 3;" },
  { defect: "a length in base 255", file: DER, from: "out[at] = rest % 0x100;", to: "out[at] = rest % 0xff;" },
  { defect: "one length octet too many is announced", file: DER, from: "out[start + 1] = 0x80 + octets - 1;", to: "out[start + 1] = 0x80 + octets;" },
  { defect: "a negative INTEGER", file: DER, from: "(octets[0] ?? 0) < 0x80 ?", to: "(octets[0] ?? 0) < 0x100 ?" },
  { defect: "zero octets before every INTEGER", file: DER, from: "(octets[0] ?? 0) < 0x80 ?", to: "(octets[0] ?? 0) < 0 ?" },
  { defect: "leading zeros stay in an INTEGER", file: DER, from: "start < magnitude.length - 1 &&", to: "start < 0 &&" },
  { defect: "TRUE is 01", file: DER, from: "value ? 0xff : 0x00", to: "value ? 0x01 : 0x00" },
  { defect: "arcs of several octets without their marks", file: DER, from: "octets.unshift(0x80 + (rest % 0x80))", to: "octets.unshift(rest % 0x80)" },
  { defect: "the first two arcs added wrongly", file: DER, from: "top * 40 + second", to: "top * 39 + second" },
  { defect: "a BIT STRING forgets its unused bits", file: DER, from: "[Uint8Array.of(unusedBits), bits]", to: "[Uint8Array.of(0), bits]" },
  { defect: "a BIT STRING without its first octet", file: DER, from: "[Uint8Array.of(unusedBits), bits]", to: "[bits]" },
  { defect: "UTF8String tagged PrintableString", file: DER, from: "element(TAG.utf8String,", to: "element(TAG.printableString," },
  { defect: "text in Latin-1", file: DER, from: `return Buffer.from(text, "utf8");`, to: `return Buffer.from(text, "latin1");` },
  { defect: "the first second of 2050 as UTCTime", file: DER, from: "return timeMs < YEAR_2050_MS", to: "return timeMs <= YEAR_2050_MS" },
  { defect: "UTCTime for ever", file: DER, from: "return timeMs < YEAR_2050_MS", to: "return timeMs < YEAR_10000_MS" },
  { defect: "GeneralizedTime before 2050", file: DER, from: "return timeMs < YEAR_2050_MS", to: "return timeMs < YEAR_1950_MS" },
  { defect: "UTCTime without Z", file: DER, from: "text.slice(2, 4) + afterYear", to: "text.slice(2, 4) + afterYear.slice(0, -1)" },
  { defect: "[n] EXPLICIT as primitive", file: DER, from: "contextOctet(number) + CONSTRUCTED", to: "contextOctet(number)" },
  { defect: "[n] IMPLICIT as constructed", file: DER, from: "element(contextOctet(number), [contents])", to: "element(contextOctet(number) + CONSTRUCTED, [contents])" },
  // TBSCertificate and Certificate (RFC 5280 §4.1)
  { defect: "version 2", file: TBS, from: "integer(Uint8Array.of(2))", to: "integer(Uint8Array.of(1))" },
  { defect: "the serial number one octet short", file: TBS, from: "integer(serialNumber)", to: "integer(serialNumber.subarray(1))" },
  { defect: "P-256 named whatever the key is", file: TBS, from: "SIGNATURE_ALGORITHM_IDENTIFIER[issuer.signatureAlgorithm]", to: `SIGNATURE_ALGORITHM_IDENTIFIER["ecdsa-p256-sha256"]` },
  { defect: "dates in the wrong order", file: TBS, from: "sequence(utcOrGeneralizedTime(notBeforeMs), utcOrGeneralizedTime(notAfterMs))", to: "sequence(utcOrGeneralizedTime(notAfterMs), utcOrGeneralizedTime(notBeforeMs))" },
  { defect: "valid one second longer than said", file: TBS, from: "utcOrGeneralizedTime(notAfterMs)", to: "utcOrGeneralizedTime(notAfterMs + 1000)" },
  { defect: "an empty issuer", file: TBS, from: "    issuer.subjectName,\n", to: "    EMPTY_NAME,\n" },
  { defect: "the issuer as subject", file: TBS, from: "    EMPTY_NAME,\n", to: "    issuer.subjectName,\n" },
  { defect: "the issuer's key certified", file: TBS, from: "    key.spki,\n", to: "    issuer.subjectPublicKeyInfo,\n" },
  { defect: "extensions tagged [2]", file: TBS, from: "contextTag(3, all)", to: "contextTag(2, all)" },
  { defect: "two extensions swapped", file: TBS, from: "    LEAF_KEY_USAGE,\n    CODE_SIGNING_ONLY,\n", to: "    CODE_SIGNING_ONLY,\n    LEAF_KEY_USAGE,\n" },
  { defect: "no subjectAltName", file: TBS, from: "    encodeSubjectAltName(subjectAltName),\n", to: "" },
  { defect: "an extension twice", file: TBS, from: "    encodeSubjectAltName(subjectAltName),\n", to: "    encodeSubjectAltName(subjectAltName),\n    encodeSubjectAltName(subjectAltName),\n" },
  { defect: "the issuer's key identifier as the leaf's", file: TBS, from: "keyIdentifier(key.spki)", to: "issuer.subjectKeyIdentifier" },
  { defect: "the leaf's key identifier as the issuer's", file: TBS, from: "encodeAuthorityKeyIdentifier(issuer.subjectKeyIdentifier)", to: "encodeAuthorityKeyIdentifier(keyIdentifier(key.spki))" },
  { defect: "the last extension first", file: TBS, from: "sequence(extensions, encodeLastExtension(last))", to: "sequence(encodeLastExtension(last), extensions)" },
  { defect: "a signature without its first octet", file: TBS, from: "bitString(signature)", to: "bitString(signature.subarray(1))" },
  { defect: "no signature algorithm outside", file: TBS, from: "sequence(tbs, algorithm, bitString(signature))", to: "sequence(tbs, EMPTY_NAME, bitString(signature))" },
  { defect: "RSA without NULL", file: "core/certificate/algorithm-identifier.ts", from: `oid("1.2.840.113549.1.1.11"), nullValue()`, to: `oid("1.2.840.113549.1.1.11")` },
  // template
  { defect: "dated forward instead of back", file: VALIDITY, from: "- backdateSeconds) * 1000", to: "+ backdateSeconds) * 1000" },
  { defect: "a lifetime of one second more", file: VALIDITY, from: "lifetimeSeconds * 1000 }", to: "lifetimeSeconds * 1000 + 1000 }" },
  { defect: "the clock rounded up", file: VALIDITY, from: "Math.floor(nowMs / 1000)", to: "Math.ceil(nowMs / 1000)" },
  // extensions (RFC 5280 §4.2, docs/certificate-profile.md)
  { defect: "criticality FALSE written out", file: `${EXTENSIONS}/extension.ts`, from: ": sequence(extnId, octetString(value))", to: ": sequence(extnId, boolean(false), octetString(value))" },
  { defect: "a value without its OCTET STRING", file: `${EXTENSIONS}/extension.ts`, from: ": sequence(extnId, octetString(value))", to: ": sequence(extnId, value)" },
  { defect: "e-mail address as URI", file: `${EXTENSIONS}/subject-alt-name.ts`, from: "contextPrimitive(1,", to: "contextPrimitive(6," },
  { defect: "URI as e-mail address", file: `${EXTENSIONS}/subject-alt-name.ts`, from: "contextPrimitive(6,", to: "contextPrimitive(1," },
  { defect: "an e-mail address as dNSName", file: `${EXTENSIONS}/subject-alt-name.ts`, from: "contextPrimitive(1,", to: "contextPrimitive(2," },
  { defect: "a user name of another type", file: `${EXTENSIONS}/subject-alt-name.ts`, from: "57264.1.7", to: "57264.1.8" },
  { defect: "a user name without its explicit tag", file: `${EXTENSIONS}/subject-alt-name.ts`, from: "contextTag(0, utf8String(value))", to: "utf8String(value)" },
  { defect: "a user name without its type", file: `${EXTENSIONS}/subject-alt-name.ts`, from: "contextTag(0, USERNAME, ", to: "contextTag(0, " },
  { defect: "subjectAltName not critical", file: `${EXTENSIONS}/subject-alt-name.ts`, from: `"critical"`, to: `"not-critical"` },
  { defect: "names in lower case", file: `${EXTENSIONS}/subject-alt-name.ts`, from: "contextPrimitive(6, ascii(value))", to: "contextPrimitive(6, ascii(value.toLowerCase()))" },
  { defect: "for TLS servers instead of code", file: `${EXTENSIONS}/ext-key-usage.ts`, from: "1.3.6.1.5.5.7.3.3", to: "1.3.6.1.5.5.7.3.1" },
  { defect: "keyEncipherment as well", file: `${EXTENSIONS}/key-usage.ts`, from: "Uint8Array.of(0x80), 7", to: "Uint8Array.of(0xa0), 5" },
  { defect: "key identifier over the whole SPKI", file: `${EXTENSIONS}/subject-key-identifier.ts`, from: "parseBitString(derChildren(parseDer(spki))[1])", to: "spki" },
  { defect: "authority key identifier under [1]", file: `${EXTENSIONS}/authority-key-identifier.ts`, from: "contextPrimitive(0,", to: "contextPrimitive(1," },
  { defect: "an empty value written out", file: `${EXTENSIONS}/fulcio.ts`, from: `if (text === "") continue;`, to: "if (values[row.name] === undefined) continue;" },
  { defect: "Fulcio's extensions critical", file: `${EXTENSIONS}/fulcio.ts`, from: "extnId: oid(`1.3.6.1.4.1.57264.1.${String(number)}`)", to: "extnId: Buffer.concat([oid(`1.3.6.1.4.1.57264.1.${String(number)}`), Uint8Array.of(1, 1, 255)])" },
  { defect: "a DER string as bare text", file: `${EXTENSIONS}/fulcio.ts`, from: `name: "buildSignerUri",                      form: "utf8"`, to: `name: "buildSignerUri",                      form: "raw"` },
  { defect: "the ref where the digest belongs", file: `${EXTENSIONS}/fulcio.ts`, from: `{ number: 13, name: "sourceRepositoryDigest",`, to: `{ number: 13, name: "sourceRepositoryRef",` },
  { defect: "Fulcio's arc one off", file: `${EXTENSIONS}/fulcio.ts`, from: "57264.1.$", to: "57264.2.$" },
  // certificate transparency (RFC 6962 §3)
  { defect: "the poison not critical", file: `${EXTENSIONS}/poison.ts`, from: `"critical"`, to: `"not-critical"` },
  { defect: "another poison", file: `${EXTENSIONS}/poison.ts`, from: "11129.2.4.3", to: "11129.2.4.4" },
  { defect: "the precertificate without poison", file: `${EXTENSIONS}/last-extension.ts`, from: "return POISON;", to: "return NOTHING;" },
  { defect: "the certificate without SCTs", file: `${EXTENSIONS}/last-extension.ts`, from: "return encodeSctListExtension(last.list);", to: "return NOTHING;" },
  { defect: "the poison in the logged TBS", file: "ctlog/submit-precertificate.ts", from: `encodeTbs(encoded, { kind: "none" })`, to: `encodeTbs(encoded, { kind: "poison" })` },
  { defect: "the SCT list in one OCTET STRING only", file: `${EXTENSIONS}/sct-list.ts`, from: "octetString(list)", to: "list" },
  { defect: "the SCT list critical", file: `${EXTENSIONS}/sct-list.ts`, from: `"not-critical"`, to: `"critical"` },
  { defect: "the SCT list one octet longer than it is", file: "core/ct/sct.ts", from: "new PresentationWriter(2 + length).u16(length)", to: "new PresentationWriter(2 + length).u16(length + 1)" },
  { defect: "an SCT of another time", file: "core/ct/sct.ts", from: ".u64(sct.timestampMs)", to: ".u64(sct.timestampMs + 1)" },
  { defect: "an SCT signed as a tree head", file: "core/ct/sct.ts", from: ".u8(V1).u8(CERTIFICATE_TIMESTAMP)", to: ".u8(V1).u8(1)" },
  { defect: "an SCT that claims SHA-384", file: "core/ct/digitally-signed.ts", from: "const SHA256 = 4;", to: "const SHA256 = 5;" },
  { defect: "the SCT of another entry's index", file: "core/ct/ct-extensions.ts", from: ".u40(leafIndex)", to: ".u40(leafIndex - (leafIndex % 2))" },
  { defect: "logged as a certificate", file: "core/ct/log-entry.ts", from: "const PRECERT_ENTRY = 1;", to: "const PRECERT_ENTRY = 2;" },
  { defect: "the issuer's name hashed instead of its key", file: "core/certificate/issuer-chain.ts", from: "issuerKeyHash: sha256(issuingCa.subjectPublicKeyInfo)", to: "issuerKeyHash: sha256(issuingCa.subjectName)" },
];
