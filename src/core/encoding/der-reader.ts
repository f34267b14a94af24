/** Thrown when bytes are not DER (X.690 §10, §11) or not the type that was asked for. The message holds no input. */
export class DerError extends Error {
  override readonly name = "DerError";
}

/** One tag-length-value (X.690 §8.1); both arrays are views on the bytes that were read. */
export interface DerElement {
  /** Identifier octet: class, constructed bit and number; only the low-tag-number form is read (X.690 §8.1.2.2). */
  readonly tag: number;
  /** The contents octets. */
  readonly content: Uint8Array;
  /** The whole element, identifier and length included. */
  readonly bytes: Uint8Array;
}

/** Identifier octets of the universal types (X.680 §8.6), SEQUENCE and SET with their constructed bit. */
export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const CONSTRUCTED = 0x20;
const CLASS_BITS = 0xc0;
const HIGH_TAG_NUMBER = 0x1f;

/** Numeric, Printable, Teletex, Videotex, IA5, Visible, General, Universal and BMPString. */
const CHARACTER_STRINGS = [0x12, 0x13, 0x14, 0x15, 0x16, 0x1a, 0x1b, 0x1c, 0x1e];

/** Deeper than any X.509 or PKCS#10 structure, shallower than any stack. */
const MAX_DEPTH = 32;
const MAX_ELEMENTS = 10_000;
/** Longest OBJECT IDENTIFIER that is turned into text, in contents octets. */
const MAX_OID_LENGTH = 64;
const MAX_TIME_LENGTH = 32;

/**
 * Reads the element that starts at `offset`: identifier and length octets only, the contents stay unread. The length
 * must be definite and minimal (X.690 §10.1) and lie within `bytes`.
 *
 * @throws DerError
 */
export function readDerElement(bytes: Uint8Array, offset: number): DerElement {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw new DerError("element is cut off");
  if (tag === 0) throw new DerError("tag 0 is reserved");
  if ((tag & HIGH_TAG_NUMBER) === HIGH_TAG_NUMBER) throw new DerError("high tag numbers are not supported");
  if (first < 0x80) return view(tag, bytes, { start: offset, content: offset + 2, length: first });
  return view(tag, bytes, { start: offset, ...longLength(bytes, offset + 2, first & 0x7f) });
}

/** Long form of the length (X.690 §8.1.3.5): `octets` bytes at `at`, at most four of them. */
function longLength(bytes: Uint8Array, at: number, octets: number): { content: number; length: number } {
  if (octets === 0) throw new DerError("indefinite length");
  if (octets > 4) throw new DerError("length is too large");
  let length = 0;
  for (let i = 0; i < octets; i++) {
    const octet = bytes[at + i];
    if (octet === undefined) throw new DerError("element is cut off");
    length = length * 256 + octet;
  }
  if (length < 0x80 || length < 256 ** (octets - 1)) throw new DerError("length is not minimal");
  return { content: at + octets, length };
}

function view(tag: number, bytes: Uint8Array, at: { start: number; content: number; length: number }): DerElement {
  const end = at.content + at.length;
  if (end > bytes.length) throw new DerError("element is cut off");
  return { tag, content: bytes.subarray(at.content, end), bytes: bytes.subarray(at.start, end) };
}

/**
 * Reads bytes that are exactly one element.
 *
 * @throws DerError also when bytes follow the element
 */
export function parseDer(bytes: Uint8Array): DerElement {
  const element = readDerElement(bytes, 0);
  if (element.bytes.length !== bytes.length) throw new DerError("trailing bytes");
  return element;
}

/**
 * The elements inside a constructed element, in their order; they fill it exactly.
 *
 * @throws DerError also when the element is primitive
 */
export function derChildren(element: DerElement): readonly DerElement[] {
  if ((element.tag & CONSTRUCTED) === 0) throw new DerError("element is primitive");
  const children: DerElement[] = [];
  for (let offset = 0; offset < element.content.length;) {
    const child = readDerElement(element.content, offset);
    children.push(child);
    offset += child.bytes.length;
  }
  return children;
}

/**
 * Contents of an element that must have the given tag; an absent element is refused like a wrong one, so that the
 * result of indexing into {@link derChildren} can be handed in.
 *
 * @throws DerError
 */
export function derContent(element: DerElement | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) throw new DerError(`expected tag ${tag}, found ${element?.tag ?? "nothing"}`);
  return element.content;
}

/**
 * Magnitude of an INTEGER ≥ 0, big-endian without leading zeros; zero is one zero octet (X.690 §8.3).
 *
 * @throws DerError also when it is negative or not minimal
 */
export function parseUnsignedInteger(element: DerElement | undefined): Uint8Array {
  const content = derContent(element, DER_TAG.integer);
  assertMinimalInteger(content);
  if ((content[0] ?? 0) >= 0x80) throw new DerError("INTEGER is negative");
  return content.length > 1 && content[0] === 0 ? content.subarray(1) : content;
}

/**
 * Octets of a BIT STRING without unused bits, as keys and signatures are (X.690 §8.6).
 *
 * @throws DerError also when the last octet has unused bits
 */
export function parseBitString(element: DerElement | undefined): Uint8Array {
  const content = derContent(element, DER_TAG.bitString);
  if (content[0] !== 0) throw new DerError("BIT STRING is not made of whole octets");
  return content.subarray(1);
}

/**
 * An OBJECT IDENTIFIER as dotted decimal text (X.690 §8.19), of any arc size.
 *
 * @throws DerError also above 64 contents octets
 */
export function parseObjectIdentifier(element: DerElement | undefined): string {
  const content = derContent(element, DER_TAG.objectIdentifier);
  if (content.length > MAX_OID_LENGTH) throw new DerError("OBJECT IDENTIFIER is too long");
  assertMinimalArcs(content);
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const octet of content) {
    arc = arc * 128n + BigInt(octet & 0x7f);
    if (octet >= 0x80) continue;
    if (arcs.length === 0) {
      const root = arc < 80n ? arc / 40n : 2n;
      arcs.push(root);
      arc -= root * 40n;
    }
    arcs.push(arc);
    arc = 0n;
  }
  return arcs.join(".");
}

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
  for (let offset = 0; offset < element.content.length;) {
    const child = readDerElement(element.content, offset);
    assertCanonicalElement(child, depth - 1, budget);
    if (element.tag === DER_TAG.set) assertSetOrder(previous, child);
    previous = child;
    offset += child.bytes.length;
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

/** X.690 §8.3.2: the first nine bits are neither all zero nor all one. */
function assertMinimalInteger(content: Uint8Array): void {
  const [first, second] = content;
  if (first === undefined) throw new DerError("INTEGER is empty");
  if (second === undefined) return;
  assertThat(!(first === 0 && second < 0x80) && !(first === 0xff && second >= 0x80), "INTEGER is not minimal");
}

/** X.690 §8.6.2 and §11.2. */
function assertUnusedBitsZero(content: Uint8Array): void {
  const unused = content[0];
  if (unused === undefined || unused > 7) throw new DerError("BIT STRING has no valid count of unused bits");
  const last = content.length > 1 ? (content[content.length - 1] ?? 0) : 0;
  assertThat(content.length > 1 || unused === 0, "BIT STRING is empty but has unused bits");
  assertThat((last & ((1 << unused) - 1)) === 0, "BIT STRING has unused bits that are set");
}

/** X.690 §8.19.2: every arc is complete and starts with an octet other than 80. */
function assertMinimalArcs(content: Uint8Array): void {
  let atStart = true;
  for (const octet of content) {
    if (atStart && octet === 0x80) throw new DerError("OBJECT IDENTIFIER is not minimal");
    atStart = octet < 0x80;
  }
  assertThat(atStart && content.length > 0, "OBJECT IDENTIFIER is cut off");
}

function assertThat(holds: boolean, otherwise: string): void {
  if (!holds) throw new DerError(otherwise);
}
