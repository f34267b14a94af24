import { PresentationError, PresentationReader, PresentationWriter } from "../encoding/tls-presentation.ts";

/*
 * RFC 6962 §3.2 and §3.4:
 *
 *   enum { x509_entry(0), precert_entry(1), (65535) } LogEntryType;
 *
 *   opaque ASN.1Cert<1..2^24-1>;
 *   opaque TBSCertificate<1..2^24-1>;
 *
 *   struct {
 *     opaque issuer_key_hash[32];
 *     TBSCertificate tbs_certificate;
 *   } PreCert;
 *
 *   opaque CtExtensions<0..2^16-1>;
 *
 *   struct {
 *     uint64 timestamp;
 *     LogEntryType entry_type;
 *     select(entry_type) {
 *       case x509_entry: ASN.1Cert;
 *       case precert_entry: PreCert;
 *     } signed_entry;
 *     CtExtensions extensions;
 *   } TimestampedEntry;
 *
 *   enum { v1(0), (255) } Version;
 *   enum { timestamped_entry(0), (255) } MerkleLeafType;
 *
 *   struct {
 *     Version version;
 *     MerkleLeafType leaf_type;
 *     select (leaf_type) {
 *       case timestamped_entry: TimestampedEntry;
 *     }
 *   } MerkleTreeLeaf;
 */

const X509_ENTRY = 0;
const PRECERT_ENTRY = 1;
const V1 = 0;
const TIMESTAMPED_ENTRY = 0;
const KEY_HASH_LENGTH = 32;

/** What a log signs and hashes about a certificate (RFC 6962 §3.2). */
export type SignedEntry =
  /** DER of a final certificate. */
  | { readonly kind: "x509_entry"; readonly certificate: Uint8Array }
  | {
      readonly kind: "precert_entry";
      /** SHA-256 of the issuer's DER SubjectPublicKeyInfo, 32 bytes. */
      readonly issuerKeyHash: Uint8Array;
      /** DER TBSCertificate without poison and without SCT list. */
      readonly tbsCertificate: Uint8Array;
    };

/** A signed entry at its time and place (RFC 6962 §3.4). */
export interface TimestampedEntry {
  /** Milliseconds since the Unix epoch. */
  readonly timestampMs: number;
  readonly signedEntry: SignedEntry;
  /** CtExtensions, the bytes without their outer length. */
  readonly extensions: Uint8Array;
}

/** Length in bytes of an encoded {@link TimestampedEntry}. */
export function timestampedEntryLength({ signedEntry, extensions }: TimestampedEntry): number {
  const signed =
    signedEntry.kind === "x509_entry"
      ? signedEntry.certificate.length
      : KEY_HASH_LENGTH + signedEntry.tbsCertificate.length;
  return 8 + 2 + 3 + signed + 2 + extensions.length;
}

/**
 * Writes a TimestampedEntry (RFC 6962 §3.4).
 *
 * @throws RangeError when a field does not fit its structure
 */
export function writeTimestampedEntry(writer: PresentationWriter, entry: TimestampedEntry): PresentationWriter {
  const { timestampMs, signedEntry, extensions } = entry;
  writer.u64(timestampMs);
  if (signedEntry.kind === "x509_entry") {
    writer.u16(X509_ENTRY).vec24(notEmpty(signedEntry.certificate));
  } else {
    if (signedEntry.issuerKeyHash.length !== KEY_HASH_LENGTH) throw new RangeError("issuer key hash of wrong length");
    writer.u16(PRECERT_ENTRY).bytes(signedEntry.issuerKeyHash).vec24(notEmpty(signedEntry.tbsCertificate));
  }
  return writer.vec16(extensions);
}

function notEmpty(der: Uint8Array): Uint8Array {
  if (der.length === 0) throw new RangeError("an entry without a certificate");
  return der;
}

/**
 * Reads a TimestampedEntry (RFC 6962 §3.4).
 *
 * @throws PresentationError when the bytes are not one
 */
export function readTimestampedEntry(reader: PresentationReader): TimestampedEntry {
  const timestampMs = reader.u64();
  const signedEntry = readSignedEntry(reader);
  return { timestampMs, signedEntry, extensions: reader.vec16() };
}

function readSignedEntry(reader: PresentationReader): SignedEntry {
  const type = reader.u16();
  switch (type) {
    case X509_ENTRY:
      return { kind: "x509_entry", certificate: readCertificate(reader) };
    case PRECERT_ENTRY: {
      const issuerKeyHash = reader.bytes(KEY_HASH_LENGTH);
      return { kind: "precert_entry", issuerKeyHash, tbsCertificate: readCertificate(reader) };
    }
    default:
      throw new PresentationError(`entry type ${type}`);
  }
}

/**
 * Passes over a TimestampedEntry without a copy of any of its fields; takes what {@link readTimestampedEntry} takes.
 *
 * @returns which kind of entry it is
 * @throws PresentationError when the bytes are not one
 */
export function skipTimestampedEntry(reader: PresentationReader): SignedEntry["kind"] {
  reader.u64();
  const type = reader.u16();
  if (type !== X509_ENTRY && type !== PRECERT_ENTRY) throw new PresentationError(`entry type ${type}`);
  if (type === PRECERT_ENTRY) reader.skip(KEY_HASH_LENGTH);
  skipCertificate(reader);
  reader.skip(reader.u16());
  return type === X509_ENTRY ? "x509_entry" : "precert_entry";
}

/** Passes over what {@link readCertificate} reads. */
export function skipCertificate(reader: PresentationReader): void {
  const length = reader.u24();
  if (length === 0) throw new PresentationError("empty certificate");
  reader.skip(length);
}

/** `opaque ASN.1Cert<1..2^24-1>` or `opaque TBSCertificate<1..2^24-1>`: never empty. */
export function readCertificate(reader: PresentationReader): Uint8Array {
  const der = reader.vec24();
  if (der.length === 0) throw new PresentationError("empty certificate");
  return der;
}

/**
 * MerkleTreeLeaf of an entry: the input of its leaf hash (RFC 6962 §3.4).
 *
 * @throws RangeError when a field does not fit its structure
 */
export function encodeMerkleTreeLeaf(entry: TimestampedEntry): Uint8Array {
  const writer = new PresentationWriter(2 + timestampedEntryLength(entry)).u8(V1).u8(TIMESTAMPED_ENTRY);
  return writeTimestampedEntry(writer, entry).finish();
}

/**
 * Reads a MerkleTreeLeaf; the inverse of {@link encodeMerkleTreeLeaf}.
 *
 * @throws PresentationError when the bytes are not exactly one
 */
export function decodeMerkleTreeLeaf(leafInput: Uint8Array): TimestampedEntry {
  const reader = new PresentationReader(leafInput);
  const version = reader.u8();
  const leafType = reader.u8();
  if (version !== V1 || leafType !== TIMESTAMPED_ENTRY) {
    throw new PresentationError(`leaf of version ${version} and type ${leafType}`);
  }
  const entry = readTimestampedEntry(reader);
  reader.finish();
  return entry;
}
