/**
 * DER (ITU-T X.690 §10, §11) from values: each function gives the bytes of one complete element, so that a structure is
 * written by nesting calls in the order of its ASN.1. Contents are known before the header is written, so every length is
 * exact and definite. Wrong arguments are defects of ours and throw RangeError.
 */

/** Identifier octets of the universal types that certificates use (X.690 §8.1.2). */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const CONTEXT_SPECIFIC = 0x80;
const CONSTRUCTED = 0x20;

/** How many octets the length field needs: one below 128, else one more than the length's own octets (X.690 §10.1). */
function lengthOctets(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x100) return 2;
  if (length < 0x10000) return 3;
  if (length < 0x1000000) return 4;
  throw new RangeError(`a DER element of ${String(length)} octets is beyond anything we write`);
}

/** How many octets an element has whose contents are `length` octets. Throws RangeError from 16 MiB on. */
export function elementLength(length: number): number {
  return 1 + lengthOctets(length) + length;
}

/** Writes identifier and length octets at `start` of `out`; gives the offset of the contents. */
export function writeHeader(out: Uint8Array, start: number, { tag, length }: { tag: number; length: number }): number {
  const octets = lengthOctets(length);
  out[start] = tag;
  if (octets === 1) {
    out[start + 1] = length;
    return start + 2;
  }
  out[start + 1] = 0x80 + octets - 1;
  let rest = length;
  for (let at = start + octets; at > start + 1; at--) {
    out[at] = rest % 0x100;
    rest = Math.floor(rest / 0x100);
  }
  return start + 1 + octets;
}

/**
 * An element with identifier octet `tag` whose contents are `parts`, one after the other.
 *
 * @throws RangeError when the contents are 16 MiB or more
 */
function element(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = Buffer.allocUnsafe(elementLength(length)); // every octet is written below
  let offset = writeHeader(out, 0, { tag, length });
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** SEQUENCE or SEQUENCE OF the given elements, in this order. */
export function sequence(...elements: readonly Uint8Array[]): Uint8Array {
  return element(TAG.sequence, elements);
}

/** SET OF the given elements, sorted by their encodings as X.690 §11.6 demands. */
export function set(...elements: readonly Uint8Array[]): Uint8Array {
  return element(
    TAG.set,
    elements.toSorted((a, b) => Buffer.compare(a, b)),
  );
}

/** BOOLEAN; TRUE is FF (X.690 §11.1). */
export function boolean(value: boolean): Uint8Array {
  return Uint8Array.of(TAG.boolean, 1, value ? 0xff : 0x00);
}

/**
 * INTEGER from the big-endian octets of a number that is not negative: leading zero octets are dropped, and one is put
 * back where the number would otherwise read as negative (X.690 §8.3.2).
 *
 * @throws RangeError when there are no octets
 */
export function integer(magnitude: Uint8Array): Uint8Array {
  if (magnitude.length === 0) throw new RangeError("an INTEGER has at least one octet");
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const octets = magnitude.subarray(start);
  return element(TAG.integer, (octets[0] ?? 0) < 0x80 ? [octets] : [Uint8Array.of(0), octets]);
}

/** NULL. */
export function nullValue(): Uint8Array {
  return Uint8Array.of(TAG.null, 0);
}

/**
 * OBJECT IDENTIFIER from its dotted form (X.690 §8.19).
 *
 * @throws RangeError unless `dotted` is two or more decimal arcs in the allowed range
 */
export function oid(dotted: string): Uint8Array {
  if (!/^[0-2](\.(0|[1-9][0-9]{0,14}))+$/u.test(dotted)) throw new RangeError(`not an object identifier: ${dotted}`);
  const [top = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  if (top < 2 && second > 39) throw new RangeError(`not an object identifier: ${dotted}`);
  return element(TAG.oid, [Uint8Array.from([top * 40 + second, ...rest].flatMap(base128))]);
}

/** An arc in base 128, most significant first, all but the last octet with the top bit set. */
function base128(arc: number): number[] {
  const octets = [arc % 0x80];
  for (let rest = Math.floor(arc / 0x80); rest > 0; rest = Math.floor(rest / 0x80))
    octets.unshift(0x80 + (rest % 0x80));
  return octets;
}

/** OCTET STRING. */
export function octetString(...contents: readonly Uint8Array[]): Uint8Array {
  return element(TAG.octetString, contents);
}

/**
 * BIT STRING whose last octet has `unusedBits` bits that do not count; they must be zero (X.690 §11.2.1).
 *
 * @throws RangeError when they are not, or when there are more than 7 or no octets to hold them
 */
export function bitString(bits: Uint8Array, unusedBits = 0): Uint8Array {
  const last = bits.at(-1) ?? (unusedBits === 0 ? 0 : undefined);
  if (last === undefined || unusedBits < 0 || unusedBits > 7 || last % 2 ** unusedBits !== 0) {
    throw new RangeError(`a BIT STRING cannot end in ${String(unusedBits)} unused bits here`);
  }
  return element(TAG.bitString, [Uint8Array.of(unusedBits), bits]);
}

/**
 * UTF8String.
 *
 * @throws RangeError when `text` holds half of a surrogate pair, which no UTF-8 can say
 */
export function utf8String(text: string): Uint8Array {
  return element(TAG.utf8String, [utf8(text)]);
}

/**
 * The bytes of `text` in UTF-8, as contents for a string or octet element.
 *
 * @throws RangeError when `text` holds half of a surrogate pair
 */
export function utf8(text: string): Uint8Array {
  assertWellFormed(text);
  return Buffer.from(text, "utf8");
}

/** Throws RangeError when `text` holds half of a surrogate pair, which no UTF-8 can say. */
export function assertWellFormed(text: string): void {
  if (!text.isWellFormed()) throw new RangeError("text with half of a surrogate pair has no UTF-8 form");
}

/**
 * The bytes of `text` in ASCII (the octets of an IA5String, tagged or not).
 *
 * @throws RangeError when a character is not ASCII
 */
export function ascii(text: string): Uint8Array {
  const bytes = Buffer.from(text, "latin1");
  if (!/^[\p{ASCII}]*$/u.test(text)) throw new RangeError("an IA5String holds ASCII only");
  return bytes;
}

/**
 * IA5String.
 *
 * @throws RangeError when a character is not ASCII
 */
export function ia5String(text: string): Uint8Array {
  return element(TAG.ia5String, [ascii(text)]);
}

/**
 * PrintableString.
 *
 * @throws RangeError when a character is outside the set of X.680 §41.4
 */
export function printableString(text: string): Uint8Array {
  if (!/^[A-Za-z0-9 '()+,\-./:=?]*$/u.test(text)) throw new RangeError("not a PrintableString");
  return element(TAG.printableString, [ascii(text)]);
}

const YEAR_2050_MS = Date.UTC(2050, 0, 1);
const YEAR_1950_MS = Date.UTC(1950, 0, 1);
const YEAR_10000_MS = Date.UTC(10000, 0, 1);

/**
 * Time (RFC 5280 §4.1.2.5): UTCTime up to and including 2049, GeneralizedTime after, to the second, in UTC.
 *
 * @param timeMs whole seconds, in milliseconds since the Unix epoch, within the years 1950 to 9999
 * @throws RangeError otherwise
 */
export function utcOrGeneralizedTime(timeMs: number): Uint8Array {
  if (timeMs % 1000 !== 0 || timeMs < YEAR_1950_MS || timeMs >= YEAR_10000_MS) {
    throw new RangeError(`${String(timeMs)} ms is not a time a certificate can say`);
  }
  const text = new Date(timeMs).toISOString();
  // YYYY-MM-DDTHH:MM:SS.000Z
  const afterYear = `${text.slice(5, 7)}${text.slice(8, 10)}${text.slice(11, 13)}${text.slice(14, 16)}${text.slice(17, 19)}Z`;
  return timeMs < YEAR_2050_MS
    ? element(TAG.utcTime, [ascii(text.slice(2, 4) + afterYear)])
    : element(TAG.generalizedTime, [ascii(text.slice(0, 4) + afterYear)]);
}

/**
 * `[number]` in a constructed encoding: EXPLICIT tagging of one element, or IMPLICIT tagging of a structure's elements.
 *
 * @throws RangeError unless `number` is 0 to 30
 */
export function contextTag(number: number, ...elements: readonly Uint8Array[]): Uint8Array {
  return element(contextOctet(number) + CONSTRUCTED, elements);
}

/**
 * `[number] IMPLICIT` over a primitive type: the tag replaces the type's own.
 *
 * @param contents contents octets of the primitive value, without a header
 * @throws RangeError unless `number` is 0 to 30
 */
export function contextPrimitive(number: number, contents: Uint8Array): Uint8Array {
  return element(contextOctet(number), [contents]);
}

function contextOctet(number: number): number {
  if (!Number.isInteger(number) || number < 0 || number > 30)
    throw new RangeError(`no one-octet tag [${String(number)}]`);
  return CONTEXT_SPECIFIC + number;
}
