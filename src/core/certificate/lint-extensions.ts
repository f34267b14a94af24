import type { DerElement } from "../encoding/der-reader.ts";
import { DER_TAG, derChildren, derContent, derContentStart, derElementEnd, parseDer } from "../encoding/der-reader.ts";
import type { SubjectAltName } from "../identity/principal.ts";
import { FULCIO_EXTENSIONS } from "./extensions/fulcio.ts";
import type { LastExtension } from "./extensions/last-extension.ts";
import type { LintRule } from "./lint-failure.ts";
import { lintFailure, lintThat } from "./lint-failure.ts";
import type { CertificateTemplate } from "./template.ts";

/** What the extensions of an encoded leaf are held against. */
interface Expectation {
  readonly template: CertificateTemplate;
  readonly last: LastExtension["kind"];
  /** SHA-1 of the leaf's subjectPublicKey bits. */
  readonly subjectKeyIdentifier: Uint8Array;
}

/** One Extension as read: contents octets of extnID, the critical flag, contents octets of extnValue. */
interface ReadExtension {
  readonly extnId: Uint8Array;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, "hex"));

/** Whole extensions that never vary, and contents octets of the identifiers of those that do. */
const KEY_USAGE = hex("300e0603551d0f0101ff040403020780");
const EXT_KEY_USAGE = hex("30130603551d25040c300a06082b06010505070303");
const POISON = hex("3013060a2b06010401d6790204030101ff04020500");
const SUBJECT_KEY_IDENTIFIER = hex("551d0e");
const AUTHORITY_KEY_IDENTIFIER = hex("551d23");
const SUBJECT_ALT_NAME = hex("551d11");
const SCT_LIST = hex("2b06010401d679020402");
/** Fulcio's extensions with the whole OBJECT IDENTIFIER element that each starts with. */
const FULCIO_ROWS = FULCIO_EXTENSIONS.map(({ number, name, form }) => ({
  extnId: Uint8Array.of(...hex("060a2b0601040183bf3001"), number),
  label: `.${String(number)} is not in its place, critical or says something else`,
  name,
  form,
}));

const KEY_IDENTIFIER_TAG = 0x80;
/** Identifier octets of GeneralName's alternatives (RFC 5280 §4.2.1.6). */
const OTHER_NAME_TAG = 0xa0;
const ASCII_NAME_TAG: Readonly<Record<Exclude<SubjectAltName["kind"], "username">, number>> = {
  email: 0x81,
  uri: 0x86,
};
/** type-id of a user of a domain: the whole OBJECT IDENTIFIER. */
const USERNAME_TYPE = hex("060a2b0601040183bf300107");
/** value of an otherName, `[0] EXPLICIT`. */
const OTHER_NAME_VALUE_TAG = 0xa0;

/**
 * Holds the encoded extensions of a leaf against the table of docs/certificate-profile.md §3: exactly these, in this
 * order, each with its criticality and its value. As every place in the list admits one extension, a repeated, unknown or
 * misplaced one has nowhere to be.
 *
 * @throws MayflyError `profile_violation` (LINT)
 * @throws DerError when an extension is not DER
 */
export function lintExtensions(list: readonly DerElement[], expected: Expectation): void {
  const [keyUsage, extKeyUsage, subjectKeyIdentifier, authorityKeyIdentifier, subjectAltName, ...rest] = list;
  lintThat(isEqual(keyUsage?.bytes, KEY_USAGE), "key-usage", "not digitalSignature alone, critical, first");
  lintThat(isEqual(extKeyUsage?.bytes, EXT_KEY_USAGE), "ext-key-usage", "not codeSigning alone, second");
  lintSubjectKeyIdentifier(readExtension(subjectKeyIdentifier), expected);
  lintAuthorityKeyIdentifier(readExtension(authorityKeyIdentifier), expected);
  lintSubjectAltName(readExtension(subjectAltName), expected);
  lintLast(lintFulcioExtensions(rest, expected), expected.last);
}

function readExtension(element: DerElement | undefined): ReadExtension {
  if (element?.tag !== DER_TAG.sequence) throw lintFailure("extension-order", "an extension is missing");
  const parts = derChildren(element);
  const critical = parts.length === 3;
  lintThat(critical || parts.length === 2, "structure", "an extension has two or three parts");
  lintThat(!critical || isTrue(parts[1]), "structure", "critical is written although it is not TRUE");
  return {
    extnId: derContent(parts[0], DER_TAG.objectIdentifier),
    critical,
    value: derContent(parts.at(-1), DER_TAG.octetString),
  };
}

function isTrue(element: DerElement | undefined): boolean {
  return element?.tag === DER_TAG.boolean && element.content.length === 1 && element.content[0] === 0xff;
}

function sequenceElements(value: Uint8Array): readonly DerElement[] {
  const sequence = parseDer(value);
  lintThat(sequence.tag === DER_TAG.sequence, "structure", "a value is no SEQUENCE");
  return derChildren(sequence);
}

function lintSubjectKeyIdentifier({ extnId, critical, value }: ReadExtension, expected: Expectation): void {
  const rule: LintRule = "subject-key-identifier";
  lintThat(isEqual(extnId, SUBJECT_KEY_IDENTIFIER), "extension-order", "subjectKeyIdentifier is not third");
  const identifier = derContent(parseDer(value), DER_TAG.octetString);
  lintThat(!critical, rule, "critical");
  lintThat(isEqual(identifier, expected.subjectKeyIdentifier), rule, "not the SHA-1 of the key bits");
}

function lintAuthorityKeyIdentifier({ extnId, critical, value }: ReadExtension, { template }: Expectation): void {
  const rule: LintRule = "authority-key-identifier";
  lintThat(isEqual(extnId, AUTHORITY_KEY_IDENTIFIER), "extension-order", "authorityKeyIdentifier is not fourth");
  const parts = sequenceElements(value);
  lintThat(!critical, rule, "critical");
  lintThat(parts.length === 1, rule, "more than a keyIdentifier");
  const identifier = derContent(parts[0], KEY_IDENTIFIER_TAG);
  lintThat(isEqual(identifier, template.issuer.subjectKeyIdentifier), rule, "not the issuer's");
}

function lintSubjectAltName({ extnId, critical, value }: ReadExtension, { template }: Expectation): void {
  const rule: LintRule = "subject-alt-name";
  lintThat(isEqual(extnId, SUBJECT_ALT_NAME), "extension-order", "subjectAltName is not fifth");
  const names = sequenceElements(value);
  lintThat(critical, rule, "not critical although the subject is empty");
  lintThat(names.length === 1, rule, "not exactly one name");
  const text = readGeneralName(names[0], template.subjectAltName.kind);
  lintThat(isEqual(text, Buffer.from(template.subjectAltName.value, "utf8")), rule, "not the template's name");
}

/** Contents octets of the text in a GeneralName of this kind. */
function readGeneralName(name: DerElement | undefined, kind: SubjectAltName["kind"]): Uint8Array {
  const rule: LintRule = "subject-alt-name";
  if (kind !== "username") {
    const text = derContent(name, ASCII_NAME_TAG[kind]);
    lintThat(
      text.every((octet) => octet < 0x80),
      rule,
      "not ASCII",
    );
    return text;
  }
  if (name?.tag !== OTHER_NAME_TAG) throw lintFailure(rule, "not an otherName");
  const [typeId, value, ...rest] = derChildren(name);
  lintThat(isEqual(typeId?.bytes, USERNAME_TYPE) && rest.length === 0, rule, "an otherName of another type");
  return derContent(parseDer(derContent(value, OTHER_NAME_VALUE_TAG)), DER_TAG.utf8String);
}

/** Takes the extensions that the template has values for; gives what follows them. */
function lintFulcioExtensions(list: readonly DerElement[], { template }: Expectation): readonly DerElement[] {
  let place = 0;
  for (const row of FULCIO_ROWS) {
    const text = template.extensions[row.name] ?? "";
    if (text !== "") lintFulcioExtension(list[place++], row, text);
  }
  return list.slice(place);
}

/** As a leaf has twenty of these, each is read where it stands: extnID, then extnValue unless `critical` is there. */
function lintFulcioExtension(element: DerElement | undefined, row: (typeof FULCIO_ROWS)[number], text: string): void {
  const { label, extnId, form } = row;
  const content = derContent(element, DER_TAG.sequence);
  lintThat(startsWith(content, extnId), "extension-order", label);
  lintThat(content[extnId.length] !== DER_TAG.boolean, "fulcio-extension", label);
  let start = enter(content, extnId.length, DER_TAG.octetString);
  if (form === "utf8") start = enter(content, start, DER_TAG.utf8String);
  lintThat(isEqual(content.subarray(start), Buffer.from(text, "utf8")), "fulcio-extension", label);
}

/** Where the contents begin of the element at `offset`, which has this tag and reaches to the end of `bytes`. */
function enter(bytes: Uint8Array, offset: number, tag: number): number {
  lintThat(derElementEnd(bytes, offset) === bytes.length, "structure", "something follows a value of an extension");
  lintThat(bytes[offset] === tag, "structure", "a value of an extension has another type");
  return derContentStart(bytes, offset);
}

function lintLast(list: readonly DerElement[], kind: LastExtension["kind"]): void {
  const rule: LintRule = "last-extension";
  lintThat(
    list.length === (kind === "none" ? 0 : 1),
    rule,
    `${String(list.length)} extensions after the expected ones`,
  );
  if (kind === "poison") lintThat(isEqual(list[0]?.bytes, POISON), rule, "not the poison");
  if (kind !== "sct-list") return;
  const { extnId, critical, value } = readExtension(list[0]);
  lintThat(isEqual(extnId, SCT_LIST), rule, "not the SCT list");
  lintThat(!critical, rule, "the SCT list is critical");
  lintThat(holdsOneSct(derContent(parseDer(value), DER_TAG.octetString)), rule, "not exactly one SCT");
}

/** SignedCertificateTimestampList (RFC 6962 §3.3): a 16-bit length of all, then a 16-bit length of each. */
function holdsOneSct(list: Uint8Array): boolean {
  if (list.length <= 4) return false;
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  return view.getUint16(0) === list.length - 2 && view.getUint16(2) === list.length - 4;
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  for (let at = 0; at < prefix.length; at++) if (bytes[at] !== prefix[at]) return false;
  return true;
}

function isEqual(actual: Uint8Array | undefined, expected: Uint8Array): boolean {
  return actual !== undefined && Buffer.compare(actual, expected) === 0;
}
