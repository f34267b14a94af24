/** Thrown when bytes are not DER (X.690 §10, §11) or not the type that was asked for. The message holds no input. */
export class DerError extends Error {
  override readonly name = "DerError";
}

/**
 * One tag-length-value (X.690 §8.1), where it stands in the bytes that were read. Its arrays are views on them, made when
 * they are asked for: a certificate has two hundred elements, and most are only walked over.
 */
export class DerElement {
  /** Identifier octet: class, constructed bit and number; only the low-tag-number form is read (X.690 §8.1.2.2). */
  readonly tag: number;
  /** Octets of the whole element, identifier and length included. */
  readonly length: number;
  readonly #source: Uint8Array;
  readonly #start: number;
  readonly #header: number;

  /**
   * @param start where the element begins in `source`
   * @throws DerError
   */
  constructor(source: Uint8Array, start: number) {
    const end = derElementEnd(source, start);
    this.tag = source[start] ?? 0;
    this.length = end - start;
    this.#source = source;
    this.#start = start;
    this.#header = derContentStart(source, start) - start;
  }

  /** The contents octets. */
  get content(): Uint8Array {
    return this.#source.subarray(this.#start + this.#header, this.#start + this.length);
  }

  /** The whole element, identifier and length included. */
  get bytes(): Uint8Array {
    return this.#source.subarray(this.#start, this.#start + this.length);
  }

  /** The elements inside, in their order; they fill the contents exactly. Throws DerError. */
  children(): readonly DerElement[] {
    const end = this.#start + this.length;
    const children: DerElement[] = [];
    for (let offset = this.#start + this.#header; offset < end;) {
      const child = readDerElement(this.#source, offset);
      children.push(child);
      offset += child.length;
      if (offset > end) throw new DerError("element is cut off");
    }
    return children;
  }
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
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const CONSTRUCTED = 0x20;
const HIGH_TAG_NUMBER = 0x1f;

/** Longest OBJECT IDENTIFIER that is turned into text, in contents octets. */
const MAX_OID_LENGTH = 64;

/**
 * Reads the element that starts at `offset`: identifier and length octets only, the contents stay unread. The length
 * must be definite and minimal (X.690 §10.1) and lie within `bytes`.
 *
 * @throws DerError
 */
export function readDerElement(bytes: Uint8Array, offset: number): DerElement {
  return new DerElement(bytes, offset);
}

/** Offset of the contents of the element at `offset`, whose length octets were read before. */
export function derContentStart(bytes: Uint8Array, offset: number): number {
  const first = bytes[offset + 1] ?? 0;
  return offset + 2 + (first < 0x80 ? 0 : first & 0x7f);
}

/**
 * Offset behind the element at `offset`, under the rules of {@link readDerElement}; for walks that need no more.
 *
 * @throws DerError
 */
export function derElementEnd(bytes: Uint8Array, offset: number): number {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw new DerError("element is cut off");
  if (tag === 0) throw new DerError("tag 0 is reserved");
  if ((tag & HIGH_TAG_NUMBER) === HIGH_TAG_NUMBER) throw new DerError("high tag numbers are not supported");
  const length = first < 0x80 ? first : longLength(bytes, offset + 2, first & 0x7f);
  const end = derContentStart(bytes, offset) + length;
  if (end > bytes.length) throw new DerError("element is cut off");
  return end;
}

/** Long form of the length (X.690 §8.1.3.5): `octets` bytes at `at`, at most four of them. */
function longLength(bytes: Uint8Array, at: number, octets: number): number {
  if (octets === 0) throw new DerError("indefinite length");
  if (octets > 4) throw new DerError("length is too large");
  let length = 0;
  for (let i = 0; i < octets; i++) {
    const octet = bytes[at + i];
    if (octet === undefined) throw new DerError("element is cut off");
    length = length * 256 + octet;
  }
  if (length < 0x80 || length < 256 ** (octets - 1)) throw new DerError("length is not minimal");
  return length;
}

/**
 * Reads bytes that are exactly one element.
 *
 * @throws DerError also when bytes follow the element
 */
export function parseDer(bytes: Uint8Array): DerElement {
  const element = readDerElement(bytes, 0);
  if (element.length !== bytes.length) throw new DerError("trailing bytes");
  return element;
}

/**
 * The elements inside a constructed element, in their order; they fill it exactly.
 *
 * @throws DerError also when the element is primitive
 */
export function derChildren(element: DerElement): readonly DerElement[] {
  if ((element.tag & CONSTRUCTED) === 0) throw new DerError("element is primitive");
  return element.children();
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

/** Contents of an INTEGER: the first nine bits are neither all zero nor all one (X.690 §8.3.2). Throws DerError. */
export function assertMinimalInteger(content: Uint8Array): void {
  const [first, second] = content;
  if (first === undefined) throw new DerError("INTEGER is empty");
  if (second === undefined) return;
  const isMinimal = !(first === 0 && second < 0x80) && !(first === 0xff && second >= 0x80);
  if (!isMinimal) throw new DerError("INTEGER is not minimal");
}

/** Contents of an OBJECT IDENTIFIER: every arc is complete and starts with an octet other than 80 (X.690 §8.19.2). */
export function assertMinimalArcs(content: Uint8Array): void {
  let atStart = true;
  for (const octet of content) {
    if (atStart && octet === 0x80) throw new DerError("OBJECT IDENTIFIER is not minimal");
    atStart = octet < 0x80;
  }
  if (!atStart || content.length === 0) throw new DerError("OBJECT IDENTIFIER is cut off");
}
