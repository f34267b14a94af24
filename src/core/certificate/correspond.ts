import { DER_TAG, derContentStart, derElementEnd, DerError } from "../encoding/der-reader.ts";
import { MayflyError } from "../errors.ts";

const EXTENSIONS_TAG = 0xa3;
/** version to extensions; a leaf of ours has no unique identifiers. */
const TBS_FIELDS = 8;

const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, "hex"));
/** The whole poison extension (RFC 6962 §3.1). */
const POISON = hex("3013060a2b06010401d6790204030101ff04020500");
/** What the contents of the two extensions start with: their extnID, and for the SCT list the extnValue's tag. */
const POISON_ID = hex("060a2b06010401d679020403");
const SCT_LIST_ID = hex("060a2b06010401d679020402");
const SCT_LIST_START = hex("060a2b06010401d67902040204");

/**
 * Proves on the bytes that a certificate is the one its precertificate promised (RFC 6962 §3.1, §3.2): all fields are
 * byte-equal and so are the extensions, in the same order, but for exactly one poison in the precertificate and exactly
 * one SCT list, not critical and of exactly one SCT, in the certificate, each in the last place.
 *
 * @param precertificateTbs DER TBSCertificate that was signed and logged
 * @param finalTbs DER TBSCertificate that is about to be signed
 * @throws MayflyError `profile_violation` (CORRESPONDENCE)
 */
export function assertCorrespond(precertificateTbs: Uint8Array, finalTbs: Uint8Array): void {
  try {
    const precertificate = readTbs(precertificateTbs);
    const final = readTbs(finalTbs);
    assertThat(isEqual(precertificate.fields, final.fields), "a field differs");
    assertThat(isEqual(precertificate.extensions, final.extensions), "an extension differs");
    assertThat(isEqual(precertificate.last, POISON), "the precertificate does not end in the poison");
    assertThat(holdsOneSct(final.last), "the certificate does not end in an SCT list of exactly one SCT");
  } catch (cause) {
    if (cause instanceof DerError) throw new MayflyError("CORRESPONDENCE", "a TBS is not DER", { cause });
    throw cause;
  }
}

/** A TBSCertificate in the three parts that are compared. */
interface TbsParts {
  /** version to subjectPublicKeyInfo, as they stand. */
  readonly fields: Uint8Array;
  /** All extensions but the last, none of them a poison or an SCT list. */
  readonly extensions: Uint8Array;
  readonly last: Uint8Array;
}

/** Walks by offsets: it runs for every certificate, over some thirty elements of which three parts are wanted. */
function readTbs(tbs: Uint8Array): TbsParts {
  requireElement(tbs, { start: 0, end: tbs.length, tag: DER_TAG.sequence });
  const fields = derContentStart(tbs, 0);
  const wrapper = skip(tbs, fields, TBS_FIELDS - 1);
  requireElement(tbs, { start: wrapper, end: tbs.length, tag: EXTENSIONS_TAG });
  const list = derContentStart(tbs, wrapper);
  requireElement(tbs, { start: list, end: tbs.length, tag: DER_TAG.sequence });
  const extensions = derContentStart(tbs, list);
  const last = findLast(tbs, extensions);
  return {
    fields: tbs.subarray(fields, wrapper),
    extensions: tbs.subarray(extensions, last),
    last: tbs.subarray(last),
  };
}

/** There is an element of this tag from `start` to `end` and nothing else. */
function requireElement(bytes: Uint8Array, at: { start: number; end: number; tag: number }): void {
  if (bytes[at.start] !== at.tag || derElementEnd(bytes, at.start) !== at.end) {
    throw new DerError("not a TBSCertificate with eight fields, of which the last are extensions");
  }
}

function skip(bytes: Uint8Array, start: number, elements: number): number {
  let at = start;
  for (let skipped = 0; skipped < elements; skipped++) at = derElementEnd(bytes, at);
  return at;
}

/** Where the last of the extensions begins, which go on to the end of the TBS. */
function findLast(tbs: Uint8Array, extensions: number): number {
  let last = extensions;
  for (let end = derElementEnd(tbs, last); end < tbs.length; end = derElementEnd(tbs, last)) {
    const content = derContentStart(tbs, last);
    const isPoisonOrSctList = startsWith(tbs, content, POISON_ID) || startsWith(tbs, content, SCT_LIST_ID);
    assertThat(!isPoisonOrSctList, "a poison or SCT list is not in the last place");
    last = end;
  }
  return last;
}

/**
 * Whether an extension is the SCT list, not critical, with exactly one SCT (RFC 6962 §3.3): an OCTET STRING in the
 * extnValue, in it a 16-bit length of all and a 16-bit length of each. No lint reads the certificate's bytes after this.
 */
function holdsOneSct(extension: Uint8Array): boolean {
  const content = derContentStart(extension, 0);
  if (!startsWith(extension, content, SCT_LIST_START)) return false;
  const extnValue = content + SCT_LIST_ID.length;
  const octets = derContentStart(extension, extnValue);
  const ends = [derElementEnd(extension, extnValue), derElementEnd(extension, octets)];
  if (extension[octets] !== DER_TAG.octetString || ends.some((end) => end !== extension.length)) return false;
  const list = derContentStart(extension, octets);
  const view = new DataView(extension.buffer, extension.byteOffset + list, extension.length - list);
  return view.byteLength > 4 && view.getUint16(0) === view.byteLength - 2 && view.getUint16(2) === view.byteLength - 4;
}

function startsWith(bytes: Uint8Array, offset: number, prefix: Uint8Array): boolean {
  for (let at = 0; at < prefix.length; at++) if (bytes[offset + at] !== prefix[at]) return false;
  return true;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function assertThat(holds: boolean, otherwise: string): void {
  if (!holds) throw new MayflyError("CORRESPONDENCE", otherwise);
}
