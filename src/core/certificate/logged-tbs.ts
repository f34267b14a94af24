import {
  DER_TAG,
  derChildren,
  derContent,
  derContentStart,
  derElementEnd,
  DerError,
  parseDer,
} from "../encoding/der-reader.ts";
import { MayflyError } from "../errors.ts";
import { POISON } from "./extensions/poison.ts";

/** Where the extensions are in a TBSCertificate without unique identifiers (RFC 5280 §4.1). */
const EXTENSIONS_AT = 7;
const EXTENSIONS_TAG = 0xa3;

/**
 * Proves on the bytes that a log entry is of a precertificate: the logged TBS is the precertificate's without its one
 * poison extension, all else being byte-equal (RFC 6962 §3.2). Walks over the bytes where they are: whoever verifies a log
 * does this for each of its entries.
 *
 * @param precertificate DER Certificate
 * @param loggedTbs DER TBSCertificate
 * @throws MayflyError `profile_violation` (CORRESPONDENCE)
 */
export function assertLoggedTbs(precertificate: Uint8Array, loggedTbs: Uint8Array): void {
  try {
    if (derElementEnd(precertificate, 0) !== precertificate.length) throw new DerError("trailing bytes");
    const poisoned = findExtensions(precertificate, derContentStart(precertificate, 0));
    const logged = findExtensions(loggedTbs, 0);
    if (logged.tbsEnd !== loggedTbs.length) throw new DerError("trailing bytes");
    const poison = findPoison(precertificate, poisoned);
    assertThat(poison !== undefined, "the precertificate has not exactly one poison");
    const fields = precertificate.subarray(poisoned.fieldsStart, poisoned.fieldsEnd);
    assertThat(
      Buffer.compare(fields, loggedTbs.subarray(logged.fieldsStart, logged.fieldsEnd)) === 0,
      "a field of the logged TBS is not the precertificate's",
    );
    const extensions = precertificate.subarray(poisoned.start, poisoned.end);
    assertThat(
      isWithoutPoison(loggedTbs.subarray(logged.start, logged.end), extensions, poison - poisoned.start),
      "an extension of the logged TBS is not the precertificate's",
    );
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

/** Offsets inside a TBSCertificate. */
interface ExtensionsPlace {
  /** The seven fields before the extensions, without the header of the TBS. */
  readonly fieldsStart: number;
  readonly fieldsEnd: number;
  /** The extensions themselves, one after the other. */
  readonly start: number;
  readonly end: number;
  readonly tbsEnd: number;
}

function findExtensions(bytes: Uint8Array, tbsStart: number): ExtensionsPlace {
  const tbsEnd = derElementEnd(bytes, tbsStart);
  const fieldsStart = derContentStart(bytes, tbsStart);
  let fieldsEnd = fieldsStart;
  for (let field = 0; field < EXTENSIONS_AT; field++) fieldsEnd = derElementEnd(bytes, fieldsEnd);
  const wrapperEnd = derElementEnd(bytes, fieldsEnd);
  if (bytes[tbsStart] !== DER_TAG.sequence || bytes[fieldsEnd] !== EXTENSIONS_TAG || wrapperEnd !== tbsEnd) {
    throw new DerError("not a TBSCertificate with eight fields, of which the last are extensions");
  }
  const list = derContentStart(bytes, fieldsEnd);
  const end = derElementEnd(bytes, list);
  if (bytes[list] !== DER_TAG.sequence || end !== wrapperEnd) throw new DerError("extensions are one SEQUENCE");
  return { fieldsStart, fieldsEnd, start: derContentStart(bytes, list), end, tbsEnd };
}

/** Offset of the poison; undefined unless there is exactly one. */
function findPoison(bytes: Uint8Array, { start, end }: ExtensionsPlace): number | undefined {
  const found: number[] = [];
  let at = start;
  while (at < end) {
    const next = derElementEnd(bytes, at);
    const isPoison = next - at === POISON.length && Buffer.compare(bytes.subarray(at, next), POISON) === 0;
    if (isPoison) found.push(at);
    at = next;
  }
  if (at !== end) throw new DerError("element is cut off");
  return found.length === 1 ? found[0] : undefined;
}

/** Whether `kept` are `extensions` but for the poison, which begins at `poison`. */
function isWithoutPoison(kept: Uint8Array, extensions: Uint8Array, poison: number): boolean {
  const before = extensions.subarray(0, poison);
  const behind = extensions.subarray(poison + POISON.length);
  return (
    kept.length === before.length + behind.length &&
    Buffer.compare(kept.subarray(0, poison), before) === 0 &&
    Buffer.compare(kept.subarray(poison), behind) === 0
  );
}

function assertThat(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new MayflyError("CORRESPONDENCE", otherwise);
}
