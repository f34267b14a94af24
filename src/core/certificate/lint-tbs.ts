import { hash } from "node:crypto";
import type { DerElement } from "../encoding/der-reader.ts";
import {
  DER_TAG,
  DerError,
  derChildren,
  parseBitString,
  parseDer,
  parseUnsignedInteger,
} from "../encoding/der-reader.ts";
import { SIGNATURE_ALGORITHM_IDENTIFIER } from "./algorithm-identifier.ts";
import type { LastExtension } from "./extensions/last-extension.ts";
import { lintExtensions } from "./lint-extensions.ts";
import { lintFailure, lintThat } from "./lint-failure.ts";
import type { CertificateTemplate } from "./template.ts";

/** `[0] EXPLICIT INTEGER 2`. */
const VERSION_3 = Uint8Array.of(0xa0, 0x03, 0x02, 0x01, 0x02);
const EMPTY_SEQUENCE = Uint8Array.of(0x30, 0x00);
const EXTENSIONS_TAG = 0xa3;
/** Serial numbers below 2^64 would have fewer octets of entropy than anyone may guess. */
const MIN_SERIAL_OCTETS = 9;

/**
 * Reads the exact bytes that are about to be signed and holds each part against the template and the profile
 * (docs/certificate-profile.md §2 and §3). It shares no code with the writer but the table of algorithms, so a defect
 * there cannot hide itself.
 *
 * @param last which of the three encodings `tbs` is meant to be
 * @returns `tbs` itself
 * @throws MayflyError `profile_violation` (LINT), the rule's name first
 */
export function lintTbs(tbs: Uint8Array, template: CertificateTemplate, last: LastExtension["kind"]): Uint8Array {
  try {
    judge(tbs, template, last);
  } catch (cause) {
    if (cause instanceof DerError) throw lintFailure("structure", "the TBS is not strict DER", cause);
    throw cause;
  }
  return tbs;
}

function judge(tbs: Uint8Array, template: CertificateTemplate, last: LastExtension["kind"]): void {
  const outer = parseDer(tbs);
  lintThat(outer.tag === DER_TAG.sequence, "structure", "the TBS is no SEQUENCE");
  const [version, serial, algorithm, issuer, validity, subject, spki, extensions, ...rest] = derChildren(outer);
  lintThat(rest.length === 0, "structure", "the TBS has fields beyond its extensions");
  const expectedAlgorithm = SIGNATURE_ALGORITHM_IDENTIFIER[template.issuer.signatureAlgorithm];

  lintThat(says(version, VERSION_3), "version", "not v3");
  lintThat(saysSerial(serial, template.serialNumber), "serial", "not the template's, or below 2^64");
  lintThat(says(algorithm, expectedAlgorithm), "signature-algorithm", "not the issuer's algorithm");
  lintThat(says(issuer, template.issuer.subjectName), "issuer", "not the issuer's subject");
  lintThat(saysValidity(validity, template), "validity", "not the template's dates in their one form");
  lintThat(says(subject, EMPTY_SEQUENCE), "subject", "not empty");
  lintThat(says(spki, template.key.spki), "spki", "not the proven key");
  lintExtensions(extensionList(extensions), {
    template,
    last,
    subjectKeyIdentifier: hash("sha1", parseBitString(derChildren(parseDer(template.key.spki))[1]), "buffer"),
  });
}

function says(element: DerElement | undefined, bytes: Uint8Array): boolean {
  return element !== undefined && Buffer.compare(element.bytes, bytes) === 0;
}

function saysSerial(element: DerElement | undefined, serialNumber: Uint8Array): boolean {
  const magnitude = parseUnsignedInteger(element);
  const leading = serialNumber.length - magnitude.length;
  return (
    magnitude.length >= MIN_SERIAL_OCTETS &&
    leading >= 0 &&
    serialNumber.subarray(0, leading).every((octet) => octet === 0) &&
    Buffer.compare(serialNumber.subarray(leading), magnitude) === 0
  );
}

function saysValidity(element: DerElement | undefined, template: CertificateTemplate): boolean {
  if (element?.tag !== DER_TAG.sequence) return false;
  const [notBefore, notAfter, ...rest] = derChildren(element);
  return (
    rest.length === 0 && readTime(notBefore) === template.notBeforeMs && readTime(notAfter) === template.notAfterMs
  );
}

/** Milliseconds of a Time in the one form its year allows (RFC 5280 §4.1.2.5); NaN for anything else. */
function readTime(element: DerElement | undefined): number {
  if (element === undefined) return NaN;
  const text = Buffer.from(element.content).toString("latin1");
  if (element.tag === DER_TAG.utcTime && /^[0-9]{12}Z$/u.test(text)) {
    return readDigits(`${text.slice(0, 2) < "50" ? "20" : "19"}${text}`);
  }
  const isLate = element.tag === DER_TAG.generalizedTime && /^[0-9]{14}Z$/u.test(text) && text.slice(0, 4) >= "2050";
  return isLate ? readDigits(text) : NaN;
}

/** `YYYYMMDDHHMMSSZ` to milliseconds. A date that does not exist becomes another one, which no template names. */
function readDigits(text: string): number {
  const part = (start: number, end: number): number => Number(text.slice(start, end));
  return Date.UTC(part(0, 4), part(4, 6) - 1, part(6, 8), part(8, 10), part(10, 12), part(12, 14));
}

function extensionList(wrapper: DerElement | undefined): readonly DerElement[] {
  if (wrapper?.tag !== EXTENSIONS_TAG) throw lintFailure("structure", "no extensions where they belong");
  const list = parseDer(wrapper.content);
  lintThat(list.tag === DER_TAG.sequence, "structure", "the extensions are no SEQUENCE");
  return derChildren(list);
}
