import type { DerElement } from "../encoding/der-reader.ts";
import { DER_TAG, DerError, derChildren, parseDer } from "../encoding/der-reader.ts";
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
 * one SCT list, not critical, in the certificate, each in the last place.
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
    assertThat(startsWith(parseDer(final.last).content, SCT_LIST_START), "the certificate does not end in an SCT list");
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

function readTbs(tbs: Uint8Array): TbsParts {
  const outer = parseDer(tbs);
  const fields = derChildren(outer);
  const wrapper = fields[TBS_FIELDS - 1];
  if (outer.tag !== DER_TAG.sequence || fields.length !== TBS_FIELDS || wrapper?.tag !== EXTENSIONS_TAG) {
    throw new DerError("not a TBSCertificate with eight fields");
  }
  const list = parseDer(wrapper.content);
  const extensions = derChildren(list);
  const last = extensions.at(-1);
  if (list.tag !== DER_TAG.sequence || last === undefined) throw new DerError("no SEQUENCE of extensions");
  assertThat(!extensions.slice(0, -1).some(isPoisonOrSctList), "a poison or SCT list is not in the last place");
  return {
    fields: outer.content.subarray(0, -wrapper.length),
    extensions: list.content.subarray(0, -last.length),
    last: last.bytes,
  };
}

function isPoisonOrSctList({ content }: DerElement): boolean {
  return startsWith(content, POISON_ID) || startsWith(content, SCT_LIST_ID);
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  for (let at = 0; at < prefix.length; at++) if (bytes[at] !== prefix[at]) return false;
  return true;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function assertThat(holds: boolean, otherwise: string): void {
  if (!holds) throw new MayflyError("CORRESPONDENCE", otherwise);
}
