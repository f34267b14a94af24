import { PresentationError } from "../encoding/tls-presentation.ts";

/** A TileLeaf (C2SP static-ct-api) where it stands: every array is a view on the bytes that were read. */
export interface TileLeafView {
  /** Milliseconds since the Unix epoch. */
  readonly timestampMs: number;
  /** TimestampedEntry (RFC 6962 §3.4): what the leaf hash is over, behind version and leaf type. */
  readonly timestampedEntry: Uint8Array;
  readonly signedEntry:
    | { readonly kind: "x509_entry"; readonly certificate: Uint8Array }
    | {
        readonly kind: "precert_entry";
        readonly issuerKeyHash: Uint8Array;
        readonly tbsCertificate: Uint8Array;
        readonly preCertificate: Uint8Array;
      };
  /** CtExtensions without their outer length. */
  readonly extensions: Uint8Array;
  /** Fingerprints of the chain, 32 bytes each, one after the other. */
  readonly fingerprints: Uint8Array;
}

const KEY_HASH_LENGTH = 32;
const FINGERPRINT_LENGTH = 32;

/**
 * Reads one TileLeaf without copying it, for whoever reads millions of them; the fields are those of
 * `decodeTileLeaf`.
 *
 * @throws PresentationError when the bytes are not exactly one
 */
export function viewTileLeaf(stored: Uint8Array): TileLeafView {
  const at = { offset: 0 };
  const timestampMs = uint(stored, at, 8);
  if (!Number.isSafeInteger(timestampMs)) throw new PresentationError("64-bit number above 2^53 - 1");
  const type = uint(stored, at, 2);
  if (type > 1) throw new PresentationError(`entry type ${type}`);
  const issuerKeyHash = type === 1 ? take(stored, at, KEY_HASH_LENGTH) : undefined;
  const certificate = takeCertificate(stored, at);
  const extensions = take(stored, at, uint(stored, at, 2));
  const timestampedEntry = stored.subarray(0, at.offset);
  const signedEntry: TileLeafView["signedEntry"] =
    issuerKeyHash === undefined
      ? { kind: "x509_entry", certificate }
      : {
          kind: "precert_entry",
          issuerKeyHash,
          tbsCertificate: certificate,
          preCertificate: takeCertificate(stored, at),
        };
  const fingerprints = take(stored, at, uint(stored, at, 2));
  if (fingerprints.length % FINGERPRINT_LENGTH !== 0) {
    throw new PresentationError(`certificate chain of ${fingerprints.length} bytes`);
  }
  if (at.offset !== stored.length) {
    throw new PresentationError(`${stored.length - at.offset} bytes after the end of the structure`);
  }
  return { timestampMs, timestampedEntry, signedEntry, extensions, fingerprints };
}

/** `opaque ASN.1Cert<1..2^24-1>` or `opaque TBSCertificate<1..2^24-1>`: never empty. */
function takeCertificate(bytes: Uint8Array, at: { offset: number }): Uint8Array {
  const der = take(bytes, at, uint(bytes, at, 3));
  if (der.length === 0) throw new PresentationError("empty certificate");
  return der;
}

function uint(bytes: Uint8Array, at: { offset: number }, width: number): number {
  const end = requireRoom(bytes, at, width);
  let value = 0;
  for (; at.offset < end; at.offset++) value = value * 256 + (bytes[at.offset] ?? 0);
  return value;
}

function take(bytes: Uint8Array, at: { offset: number }, length: number): Uint8Array {
  const end = requireRoom(bytes, at, length);
  const view = bytes.subarray(at.offset, end);
  at.offset = end;
  return view;
}

function requireRoom(bytes: Uint8Array, { offset }: { offset: number }, length: number): number {
  if (offset + length > bytes.length) {
    throw new PresentationError(`needs ${length} bytes at offset ${offset}, has ${bytes.length - offset}`);
  }
  return offset + length;
}

/** V1 and timestamped_entry (RFC 6962 §3.4), both zero. */
const LEAF_HEADER_LENGTH = 2;

/** MerkleTreeLeaf of an entry (RFC 6962 §3.4): the input of its leaf hash. */
export function leafInputOfView({ timestampedEntry }: TileLeafView): Uint8Array {
  const leafInput = Buffer.allocUnsafe(LEAF_HEADER_LENGTH + timestampedEntry.length).fill(0, 0, LEAF_HEADER_LENGTH);
  leafInput.set(timestampedEntry, LEAF_HEADER_LENGTH);
  return leafInput;
}
