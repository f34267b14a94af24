import type { DerElement } from "./der-reader.ts";
import { assertMinimalArcs, assertMinimalInteger, DER_TAG, DerError, parseDer } from "./der-reader.ts";

const CONSTRUCTED = 0x20;
const CLASS_BITS = 0xc0;

/** Numeric, Printable, Teletex, Videotex, IA5, Visible, General, Universal and BMPString. */
const CHARACTER_STRINGS = [0x12, 0x13, 0x14, 0x15, 0x16, 0x1a, 0x1b, 0x1c, 0x1e];

/** Deeper than any X.509 or PKCS#10 structure, shallower than any stack. */
const MAX_DEPTH = 32;
const MAX_ELEMENTS = 10_000;
const MAX_TIME_LENGTH = 32;

/**
 * Refuses everything that is not the one DER encoding of its value (X.690 §10, §11), down to the last nested element:
 * definite minimal lengths, primitive strings, the form of each universal type, the order of a SET OF. What only a
 * schema could tell is not judged: omitted DEFAULT values, named bit lists, implicit tags. OCTET STRING and
 * context-specific primitive contents stay opaque.
 *
 * @throws DerError also beyond 32 levels or 10 000 elements
 */
export function assertCanonicalDer(bytes: Uint8Array): void {
  const budget = { elements: MAX_ELEMENTS };
  assertCanonicalElement(parseDer(bytes), MAX_DEPTH, budget);
}

function assertCanonicalElement(element: DerElement, depth: number, budget: { elements: number }): void {
  if (depth === 0) throw new DerError("nested too deeply");
  if (--budget.elements < 0) throw new DerError("too many elements");
  const universal = (element.tag & CLASS_BITS) === 0;
  if ((element.tag & CONSTRUCTED) === 0) {
    if (universal) assertCanonicalContent(element.tag, element.content);
    return;
  }
  if (universal && element.tag !== DER_TAG.sequence && element.tag !== DER_TAG.set) {
    throw new DerError("type must not be constructed");
  }
  let previous: DerElement | undefined;
  for (const child of element.children()) {
    assertCanonicalElement(child, depth - 1, budget);
    if (element.tag === DER_TAG.set) assertSetOrder(previous, child);
    previous = child;
  }
}

/** X.690 §11.6. No element is a prefix of another, so the padding that the rule speaks of never matters. */
function assertSetOrder(previous: DerElement | undefined, next: DerElement): void {
  if (previous !== undefined && Buffer.compare(previous.bytes, next.bytes) > 0) {
    throw new DerError("SET OF is not in order");
  }
}

function assertCanonicalContent(tag: number, content: Uint8Array): void {
  const rule = CONTENT_RULES.get(tag);
  if (rule === undefined) throw new DerError("type is not supported");
  rule(content);
}

/** X.690 §11.7 and §11.8: seconds present, Zulu, no fraction that ends in zero. */
const UTC_TIME = /^\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\dZ$/;
const GENERALIZED_TIME =
  /^\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?:\.\d*[1-9])?Z$/;

/** Contents rules of the primitive universal types; a type that is not here does not occur in X.509 and is refused. */
const CONTENT_RULES: ReadonlyMap<number, (content: Uint8Array) => void> = new Map([
  [DER_TAG.boolean, assertBoolean],
  [DER_TAG.integer, assertMinimalInteger],
  [DER_TAG.enumerated, assertMinimalInteger],
  [DER_TAG.bitString, assertUnusedBitsZero],
  [DER_TAG.null, assertEmpty],
  [DER_TAG.objectIdentifier, assertMinimalArcs],
  [DER_TAG.utcTime, matching(UTC_TIME)],
  [DER_TAG.generalizedTime, matching(GENERALIZED_TIME)],
  ...[DER_TAG.octetString, DER_TAG.utf8String, ...CHARACTER_STRINGS].map((tag) => [tag, acceptAny] as const),
]);

/** Any octets are the one encoding of some string. */
function acceptAny(): void {
  return;
}

function matching(form: RegExp): (content: Uint8Array) => void {
  return (content) => {
    const text = content.length > MAX_TIME_LENGTH ? "" : String.fromCharCode(...content);
    assertThat(form.test(text), "time is not in DER form");
  };
}

/** X.690 §11.1. */
function assertBoolean(content: Uint8Array): void {
  assertThat(content.length === 1 && (content[0] === 0 || content[0] === 0xff), "BOOLEAN is neither 00 nor FF");
}

/** X.690 §8.8.2. */
function assertEmpty(content: Uint8Array): void {
  assertThat(content.length === 0, "NULL is not empty");
}

/** X.690 §8.6.2 and §11.2. */
function assertUnusedBitsZero(content: Uint8Array): void {
  const unused = content[0];
  if (unused === undefined || unused > 7) throw new DerError("BIT STRING has no valid count of unused bits");
  const last = content.length > 1 ? (content[content.length - 1] ?? 0) : 0;
  assertThat(content.length > 1 || unused === 0, "BIT STRING is empty but has unused bits");
  assertThat((last & ((1 << unused) - 1)) === 0, "BIT STRING has unused bits that are set");
}

function assertThat(holds: boolean, otherwise: string): void {
  if (!holds) throw new DerError(otherwise);
}
