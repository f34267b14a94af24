import { DER_TAG, derChildren, derContent, DerError, parseDer, type DerElement } from "../encoding/der-reader.ts";
import { MayflyError } from "../errors.ts";
import { POISON } from "./extensions/poison.ts";

/** Where the extensions are in a TBSCertificate without unique identifiers (RFC 5280 §4.1). */
const EXTENSIONS_AT = 7;
const EXTENSIONS_TAG = 0xa3;

/**
 * Proves on the bytes that a log entry is of a precertificate: the logged TBS is the precertificate's without its one
 * poison extension, all else being byte-equal (RFC 6962 §3.2).
 *
 * @param precertificate DER Certificate
 * @param loggedTbs DER TBSCertificate
 * @throws MayflyError `profile_violation` (CORRESPONDENCE)
 */
export function assertLoggedTbs(precertificate: Uint8Array, loggedTbs: Uint8Array): void {
  try {
    const [tbs] = derChildren(parseDer(precertificate));
    if (tbs === undefined) throw new DerError("a certificate without a TBS");
    const poisoned = readTbs(tbs);
    const logged = readTbs(parseDer(loggedTbs));
    const kept = poisoned.extensions.filter(({ bytes }) => Buffer.compare(bytes, POISON) !== 0);
    assertThat(kept.length === poisoned.extensions.length - 1, "the precertificate has not exactly one poison");
    assertThat(isEqual(poisoned.fields, logged.fields), "a field of the logged TBS is not the precertificate's");
    assertThat(isEqual(kept, logged.extensions), "an extension of the logged TBS is not the precertificate's");
  } catch (cause) {
    if (cause instanceof DerError) throw new MayflyError("CORRESPONDENCE", "a TBS is not DER", { cause });
    throw cause;
  }
}

/**
 * Serial number of a TBSCertificate, big-endian, without the octet that keeps it positive.
 *
 * @throws DerError
 */
export function serialNumberOfTbs(tbs: Uint8Array): Uint8Array {
  const serialNumber = derContent(derChildren(parseDer(tbs))[1], DER_TAG.integer);
  return serialNumber[0] === 0 ? serialNumber.subarray(1) : serialNumber;
}

function readTbs(tbs: DerElement): { fields: readonly DerElement[]; extensions: readonly DerElement[] } {
  const all = derChildren(tbs);
  const wrapper = all[EXTENSIONS_AT];
  if (tbs.tag !== DER_TAG.sequence || all.length !== EXTENSIONS_AT + 1 || wrapper?.tag !== EXTENSIONS_TAG) {
    throw new DerError("not a TBSCertificate with eight fields, of which the last are extensions");
  }
  const [list, ...others] = derChildren(wrapper);
  if (list?.tag !== DER_TAG.sequence || others.length > 0) throw new DerError("extensions are one SEQUENCE");
  return { fields: all.slice(0, EXTENSIONS_AT), extensions: derChildren(list) };
}

function isEqual(some: readonly DerElement[], others: readonly DerElement[]): boolean {
  const bytesOf = (elements: readonly DerElement[]): Buffer => Buffer.concat(elements.map(({ bytes }) => bytes));
  return Buffer.compare(bytesOf(some), bytesOf(others)) === 0;
}

function assertThat(holds: boolean, otherwise: string): void {
  if (!holds) throw new MayflyError("CORRESPONDENCE", otherwise);
}
