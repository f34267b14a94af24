/** Byte strings in one piece of memory, which changes threads sooner than many small ones. */
export interface PackedBytes {
  /** All of them, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** By position: where the byte string ends in `bytes`. */
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** Copies byte strings side by side, into memory that nothing else refers to. */
export function packBytes(parts: readonly Uint8Array[]): PackedBytes {
  const ends = new Uint32Array(parts.length);
  let length = 0;
  for (const [at, part] of parts.entries()) ends[at] = length += part.length;
  const bytes = new Uint8Array(length);
  for (const [at, part] of parts.entries()) bytes.set(part, (ends[at] ?? 0) - part.length);
  return { bytes, ends };
}

/** The byte string at a position, a view. */
export function unpackAt({ bytes, ends }: PackedBytes, at: number): Uint8Array<ArrayBuffer> {
  return bytes.subarray(at === 0 ? 0 : ends[at - 1], ends[at]);
}

/** All of them again, as views. */
export function unpackBytes(packed: PackedBytes): Uint8Array<ArrayBuffer>[] {
  return Array.from(packed.ends, (_, at) => unpackAt(packed, at));
}
