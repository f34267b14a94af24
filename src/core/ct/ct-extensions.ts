import { PresentationError, PresentationReader, PresentationWriter } from "../encoding/tls-presentation.ts";

/*
 * C2SP static-ct-api:
 *
 *   enum { leaf_index(0), (255) } ExtensionType;
 *
 *   struct {
 *     ExtensionType extension_type;
 *     opaque extension_data<0..2^16-1>;
 *   } Extension;
 *
 *   Extension CTExtensions<0..2^16-1>;
 *
 *   uint8 uint40[5];
 *   uint40 LeafIndex;
 */

const LEAF_INDEX = 0;
const LEAF_INDEX_LENGTH = 5;

/** Length in bytes of what {@link encodeCtExtensions} returns. */
export const CT_EXTENSIONS_LENGTH = 1 + 2 + LEAF_INDEX_LENGTH;

/**
 * CtExtensions with the leaf_index extension alone (C2SP static-ct-api), without their outer length: 8 bytes.
 *
 * @throws RangeError unless 0 ≤ leafIndex < 2^40
 */
export function encodeCtExtensions(leafIndex: number): Uint8Array {
  return new PresentationWriter(CT_EXTENSIONS_LENGTH).u8(LEAF_INDEX).u16(LEAF_INDEX_LENGTH).u40(leafIndex).finish();
}

/**
 * Reads the leaf_index extension (C2SP static-ct-api). Extensions of other types are skipped.
 *
 * @param extensions CtExtensions without their outer length
 * @returns undefined when there is no such extension
 * @throws PresentationError when they are malformed or name one type twice
 */
export function decodeCtExtensions(extensions: Uint8Array): number | undefined {
  const reader = new PresentationReader(extensions);
  const seen = new Set<number>();
  let leafIndex: number | undefined;
  while (reader.remaining > 0) {
    const type = reader.u8();
    if (seen.has(type)) throw new PresentationError(`extension ${type} twice`);
    seen.add(type);
    const data = reader.vec16();
    if (type === LEAF_INDEX) leafIndex = decodeLeafIndex(data);
  }
  return leafIndex;
}

function decodeLeafIndex(data: Uint8Array): number {
  const reader = new PresentationReader(data);
  const leafIndex = reader.u40();
  reader.finish();
  return leafIndex;
}
