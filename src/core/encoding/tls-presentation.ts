/**
 * Bytes are not what their structure says, or hold a number that JavaScript cannot count exactly. What was being read
 * decides which refusal this becomes, so it carries no code of its own.
 */
export class PresentationError extends Error {
  override readonly name = "PresentationError";
}

/**
 * Writes structures of the TLS presentation language (RFC 8446 §3, RFC 5246 §4) into one allocation of exactly the
 * structure's length: numbers big-endian, vectors behind their length in bytes.
 *
 * Every method throws RangeError when the value does not fit its field or the structure is longer than announced.
 */
export class PresentationWriter {
  readonly #bytes: Uint8Array;
  #offset = 0;

  /** @param length of the whole structure in bytes */
  constructor(length: number) {
    // Every byte is written before `finish` gives them away. Memory of its own costs a microsecond more than of the pool.
    this.#bytes = Buffer.allocUnsafe(length);
  }

  u8(value: number): this {
    return this.#uint(value, 1);
  }

  u16(value: number): this {
    return this.#uint(value, 2);
  }

  u24(value: number): this {
    return this.#uint(value, 3);
  }

  u40(value: number): this {
    return this.#uint(value, 5);
  }

  /** A 64-bit field; values above 2^53 − 1 cannot be told apart in JavaScript and are refused. */
  u64(value: number): this {
    return this.#uint(value, 8);
  }

  /** A field of fixed length, or bytes that are encoded already. */
  bytes(value: Uint8Array): this {
    if (this.#offset + value.length > this.#bytes.length) throw new RangeError(`no room for ${value.length} bytes`);
    this.#bytes.set(value, this.#offset);
    this.#offset += value.length;
    return this;
  }

  /** `opaque value<0..2^8-1>` */
  vec8(value: Uint8Array): this {
    return this.u8(value.length).bytes(value);
  }

  /** `opaque value<0..2^16-1>` */
  vec16(value: Uint8Array): this {
    return this.u16(value.length).bytes(value);
  }

  /** `opaque value<0..2^24-1>` */
  vec24(value: Uint8Array): this {
    return this.u24(value.length).bytes(value);
  }

  /** @returns the structure, which nothing else writes to */
  finish(): Uint8Array {
    if (this.#offset !== this.#bytes.length) {
      throw new RangeError(`wrote ${this.#offset} bytes of a structure of ${this.#bytes.length}`);
    }
    return this.#bytes;
  }

  /** Divides instead of shifting: bit operators would cut sizes and timestamps to 32 bits. */
  #uint(value: number, width: number): this {
    if (
      !Number.isSafeInteger(value) ||
      value < 0 ||
      value >= 256 ** width ||
      this.#offset + width > this.#bytes.length
    ) {
      throw new RangeError(`no room for ${value} in ${width} bytes`);
    }
    let rest = value;
    for (let at = this.#offset + width - 1; at >= this.#offset; at--) {
      this.#bytes[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.#offset += width;
    return this;
  }
}

/**
 * Reads structures of the TLS presentation language (RFC 8446 §3, RFC 5246 §4), field by field. Byte strings are
 * returned as copies, so that nothing read keeps its input alive or changes with it.
 *
 * Every method throws {@link PresentationError} when the bytes end too early.
 */
export class PresentationReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Position of the next byte. */
  get offset(): number {
    return this.#offset;
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#uint(1);
  }

  u16(): number {
    return this.#uint(2);
  }

  u24(): number {
    return this.#uint(3);
  }

  u40(): number {
    return this.#uint(5);
  }

  /** @throws PresentationError also when the value is above 2^53 − 1 */
  u64(): number {
    const value = this.#uint(8);
    if (!Number.isSafeInteger(value)) throw new PresentationError("64-bit number above 2^53 - 1");
    return value;
  }

  /** Passes over bytes without a copy of them. */
  skip(length: number): this {
    this.#take(length);
    return this;
  }

  /** A field of fixed length. */
  bytes(length: number): Uint8Array {
    return new Uint8Array(this.#take(length));
  }

  /** `opaque value<0..2^8-1>` */
  vec8(): Uint8Array {
    return this.bytes(this.u8());
  }

  /** `opaque value<0..2^16-1>` */
  vec16(): Uint8Array {
    return this.bytes(this.u16());
  }

  /** `opaque value<0..2^24-1>` */
  vec24(): Uint8Array {
    return this.bytes(this.u24());
  }

  /** @throws PresentationError when bytes are left: nobody has said what they mean */
  finish(): void {
    if (this.remaining !== 0) throw new PresentationError(`${this.remaining} bytes after the end of the structure`);
  }

  #uint(width: number): number {
    let value = 0;
    for (const byte of this.#take(width)) value = value * 256 + byte;
    return value;
  }

  #take(length: number): Uint8Array {
    if (length > this.remaining) {
      throw new PresentationError(`needs ${length} bytes at offset ${this.#offset}, has ${this.remaining}`);
    }
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }
}
