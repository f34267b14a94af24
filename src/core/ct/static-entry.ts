import { PresentationError, PresentationReader, PresentationWriter } from "../encoding/tls-presentation.ts";
import { TILE_WIDTH } from "../merkle/tile.ts";
import {
  encodeMerkleTreeLeaf,
  readCertificate,
  readTimestampedEntry,
  skipCertificate,
  skipTimestampedEntry,
  timestampedEntryLength,
  writeTimestampedEntry,
  type TimestampedEntry,
} from "./log-entry.ts";

/*
 * C2SP static-ct-api:
 *
 *   struct {
 *     TimestampedEntry timestamped_entry;
 *     select (entry_type) {
 *       case x509_entry: Empty;
 *       case precert_entry: ASN.1Cert pre_certificate;
 *     };
 *     Fingerprint certificate_chain<0..2^16-1>;
 *   } TileLeaf;
 *
 *   opaque Fingerprint[32];
 *
 *   A data tile is its TileLeaf structures, one after the other.
 */

const FINGERPRINT_LENGTH = 32;

/** Where the TimestampedEntry begins in a MerkleTreeLeaf: after version and leaf type. */
const TIMESTAMPED_ENTRY_OFFSET = 2;

/** An entry as a data tile holds it (C2SP static-ct-api). The tree commits to `timestampedEntry` alone. */
export interface TileLeaf {
  readonly timestampedEntry: TimestampedEntry;
  /** DER of the whole precertificate; present exactly when the entry is a precert_entry. */
  readonly preCertificate?: Uint8Array;
  /** SHA-256 of each certificate of the accepted chain above the leaf, issuing CA first, 32 bytes each. */
  readonly certificateChain: readonly Uint8Array[];
}

/** Both byte strings of one log entry. */
export interface EncodedEntry {
  /** MerkleTreeLeaf: what is hashed into the tree (RFC 6962 §3.4). */
  readonly leafInput: Uint8Array;
  /** TileLeaf: what is stored and served (C2SP static-ct-api). */
  readonly stored: Uint8Array;
}

/**
 * Encodes an entry once for both of its places.
 *
 * @throws RangeError when a field does not fit its structure, or `preCertificate` is not there exactly when it should be
 */
export function encodeEntry(leaf: TileLeaf): EncodedEntry {
  const leafInput = encodeMerkleTreeLeaf(leaf.timestampedEntry);
  const timestampedEntry = leafInput.subarray(TIMESTAMPED_ENTRY_OFFSET);
  const writer = new PresentationWriter(timestampedEntry.length + tailLength(leaf)).bytes(timestampedEntry);
  return { leafInput, stored: writeTail(writer, leaf).finish() };
}

/**
 * TileLeaf of an entry (C2SP static-ct-api).
 *
 * @throws RangeError as {@link encodeEntry}
 */
export function encodeTileLeaf(leaf: TileLeaf): Uint8Array {
  const writer = new PresentationWriter(timestampedEntryLength(leaf.timestampedEntry) + tailLength(leaf));
  return writeTail(writeTimestampedEntry(writer, leaf.timestampedEntry), leaf).finish();
}

function tailLength({ preCertificate, certificateChain }: TileLeaf): number {
  return (
    (preCertificate === undefined ? 0 : 3 + preCertificate.length) + 2 + certificateChain.length * FINGERPRINT_LENGTH
  );
}

function writeTail(writer: PresentationWriter, leaf: TileLeaf): PresentationWriter {
  const { timestampedEntry, preCertificate, certificateChain } = leaf;
  if ((timestampedEntry.signedEntry.kind === "precert_entry") !== (preCertificate !== undefined)) {
    throw new RangeError("a precert_entry and no other is stored with its precertificate");
  }
  if (preCertificate?.length === 0) throw new RangeError("an entry with an empty precertificate");
  if (preCertificate !== undefined) writer.vec24(preCertificate);
  writer.u16(certificateChain.length * FINGERPRINT_LENGTH);
  for (const fingerprint of certificateChain) {
    if (fingerprint.length !== FINGERPRINT_LENGTH) throw new RangeError("fingerprint of wrong length");
    writer.bytes(fingerprint);
  }
  return writer;
}

/**
 * Reads one TileLeaf; the inverse of {@link encodeTileLeaf}.
 *
 * @throws PresentationError when the bytes are not exactly one
 */
export function decodeTileLeaf(stored: Uint8Array): TileLeaf {
  const reader = new PresentationReader(stored);
  const leaf = readTileLeaf(reader);
  reader.finish();
  return leaf;
}

/**
 * Reads all entries of a data tile, in log order.
 *
 * @throws PresentationError when the bytes are not a sequence of TileLeaf structures
 */
export function decodeDataTile(tile: Uint8Array): readonly TileLeaf[] {
  const reader = new PresentationReader(tile);
  const leaves: TileLeaf[] = [];
  while (reader.remaining > 0) leaves.push(readTileLeaf(reader));
  return leaves;
}

/**
 * The bytes of each entry of a data tile, in log order: TileLeaf structures, none of them copied.
 *
 * @throws PresentationError when the bytes are not a sequence of at most 256 TileLeaf structures
 */
export function splitDataTile(tile: Uint8Array): readonly Uint8Array[] {
  const reader = new PresentationReader(tile);
  const entries: Uint8Array[] = [];
  while (reader.remaining > 0) {
    // Bytes of a stranger could be a million entries of 18 bytes each.
    if (entries.length === TILE_WIDTH) throw new PresentationError(`more than ${TILE_WIDTH} entries in a data tile`);
    const start = reader.offset;
    if (skipTimestampedEntry(reader) === "precert_entry") skipCertificate(reader);
    const chainLength = reader.u16();
    if (chainLength % FINGERPRINT_LENGTH !== 0)
      throw new PresentationError(`certificate chain of ${chainLength} bytes`);
    reader.skip(chainLength);
    entries.push(tile.subarray(start, reader.offset));
  }
  return entries;
}

/**
 * MerkleTreeLeaf of a stored entry: what its leaf hash was computed from (RFC 6962 §3.4).
 *
 * @throws PresentationError when the bytes are not exactly one TileLeaf
 */
export function leafInputOfTileLeaf(stored: Uint8Array): Uint8Array {
  return encodeMerkleTreeLeaf(decodeTileLeaf(stored).timestampedEntry);
}

function readTileLeaf(reader: PresentationReader): TileLeaf {
  const timestampedEntry = readTimestampedEntry(reader);
  if (timestampedEntry.signedEntry.kind === "x509_entry") {
    return { timestampedEntry, certificateChain: readFingerprints(reader) };
  }
  const preCertificate = readCertificate(reader);
  return { timestampedEntry, preCertificate, certificateChain: readFingerprints(reader) };
}

function readFingerprints(reader: PresentationReader): Uint8Array[] {
  const length = reader.u16();
  if (length % FINGERPRINT_LENGTH !== 0) throw new PresentationError(`certificate chain of ${length} bytes`);
  return Array.from({ length: length / FINGERPRINT_LENGTH }, () => reader.bytes(FINGERPRINT_LENGTH));
}
