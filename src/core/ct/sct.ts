import { verify } from "node:crypto";
import { PresentationError, PresentationReader, PresentationWriter } from "../encoding/tls-presentation.ts";
import { MayflyError } from "../errors.ts";
import { decodeCtExtensions } from "./ct-extensions.ts";
import { digitallySignedLength, readDigitallySigned, writeDigitallySigned } from "./digitally-signed.ts";
import { timestampedEntryLength, writeTimestampedEntry, type SignedEntry, type TimestampedEntry } from "./log-entry.ts";
import type { LogKey } from "./log-key.ts";

/*
 * RFC 6962 §3.2 and §3.3:
 *
 *   struct { opaque key_id[32]; } LogID;
 *   enum { certificate_timestamp(0), tree_hash(1), (255) } SignatureType;
 *
 *   struct {
 *     Version sct_version;
 *     LogID id;
 *     uint64 timestamp;
 *     CtExtensions extensions;
 *     digitally-signed struct {
 *       Version sct_version;
 *       SignatureType signature_type = certificate_timestamp;
 *       uint64 timestamp;
 *       LogEntryType entry_type;
 *       select(entry_type) {
 *         case x509_entry: ASN.1Cert;
 *         case precert_entry: PreCert;
 *       } signed_entry;
 *       CtExtensions extensions;
 *     };
 *   } SignedCertificateTimestamp;
 *
 *   opaque SerializedSCT<1..2^16-1>;
 *
 *   struct {
 *     SerializedSCT sct_list <1..2^16-1>;
 *   } SignedCertificateTimestampList;
 */

const V1 = 0;
const CERTIFICATE_TIMESTAMP = 0;
const LOG_ID_LENGTH = 32;

/** A v1 SCT by an ECDSA P-256 log key with SHA-256 (RFC 6962 §3.2), the only kind Mayfly embeds. */
export interface SignedCertificateTimestamp {
  /** SHA-256 of the log's SubjectPublicKeyInfo, 32 bytes. */
  readonly logId: Uint8Array;
  readonly timestampMs: number;
  /** CtExtensions, the bytes without their outer length. */
  readonly extensions: Uint8Array;
  /** From the leaf_index extension (C2SP static-ct-api), when there is one. */
  readonly leafIndex?: number;
  /** DER Ecdsa-Sig-Value. */
  readonly signature: Uint8Array;
}

/**
 * The bytes an SCT's signature is over (RFC 6962 §3.2). They equal the entry's MerkleTreeLeaf, because both of its first
 * two fields happen to be zero as well.
 *
 * @throws RangeError when a field does not fit its structure
 */
export function sctSigningInput(entry: TimestampedEntry): Uint8Array {
  const writer = new PresentationWriter(2 + timestampedEntryLength(entry)).u8(V1).u8(CERTIFICATE_TIMESTAMP);
  return writeTimestampedEntry(writer, entry).finish();
}

/**
 * SignedCertificateTimestamp (RFC 6962 §3.3). `leafIndex` is not looked at: the extensions say it already.
 *
 * @throws RangeError when a field does not fit its structure
 */
export function encodeSct(sct: SignedCertificateTimestamp): Uint8Array {
  if (sct.logId.length !== LOG_ID_LENGTH) throw new RangeError("log id of wrong length");
  const length = 1 + LOG_ID_LENGTH + 8 + 2 + sct.extensions.length + digitallySignedLength(sct.signature);
  const writer = new PresentationWriter(length).u8(V1).bytes(sct.logId).u64(sct.timestampMs).vec16(sct.extensions);
  return writeDigitallySigned(writer, sct.signature).finish();
}

/**
 * Reads a SignedCertificateTimestamp (RFC 6962 §3.3); the inverse of {@link encodeSct}.
 *
 * @throws PresentationError when the bytes are not exactly one, or it is of another version or algorithm
 */
export function decodeSct(bytes: Uint8Array): SignedCertificateTimestamp {
  const reader = new PresentationReader(bytes);
  const version = reader.u8();
  if (version !== V1) throw new PresentationError(`SCT of version ${version}`);
  const logId = reader.bytes(LOG_ID_LENGTH);
  const timestampMs = reader.u64();
  const extensions = reader.vec16();
  const signature = readDigitallySigned(reader);
  reader.finish();
  const leafIndex = decodeCtExtensions(extensions);
  return { logId, timestampMs, extensions, signature, ...(leafIndex === undefined ? {} : { leafIndex }) };
}

/**
 * SignedCertificateTimestampList (RFC 6962 §3.3), the bytes that the X.509 extension wraps in an OCTET STRING.
 *
 * @throws RangeError when there is no SCT, or a field does not fit its structure
 */
export function encodeSctList(scts: readonly SignedCertificateTimestamp[]): Uint8Array {
  if (scts.length === 0) throw new RangeError("an SCT list is not empty");
  const serialized = scts.map(encodeSct);
  const length = serialized.reduce((sum, sct) => sum + 2 + sct.length, 0);
  const writer = new PresentationWriter(2 + length).u16(length);
  for (const sct of serialized) writer.vec16(sct);
  return writer.finish();
}

/**
 * Reads a SignedCertificateTimestampList (RFC 6962 §3.3); the inverse of {@link encodeSctList}.
 *
 * @throws PresentationError when the bytes are not exactly one, it is empty, or one of its SCTs cannot be read
 */
export function decodeSctList(bytes: Uint8Array): readonly SignedCertificateTimestamp[] {
  const outer = new PresentationReader(bytes);
  const list = new PresentationReader(outer.vec16());
  outer.finish();
  if (list.remaining === 0) throw new PresentationError("empty SCT list");
  const scts: SignedCertificateTimestamp[] = [];
  while (list.remaining > 0) scts.push(decodeSct(list.vec16()));
  return scts;
}

/**
 * Verifies that `logKey` signed this SCT for this entry (RFC 6962 §3.2).
 *
 * @param signedEntry what the verifier knows to be in the certificate, never what came with the SCT
 * @throws MayflyError `log_failed` (SCT_INVALID)
 */
export function verifySct(sct: SignedCertificateTimestamp, signedEntry: SignedEntry, logKey: LogKey): void {
  if (Buffer.compare(logKey.logId, sct.logId) !== 0) throw new MayflyError("SCT_INVALID", "SCT of another log");
  const { timestampMs, extensions } = sct;
  const input = sctSigningInput({ timestampMs, signedEntry, extensions });
  if (!verify("sha256", input, logKey.publicKey, sct.signature)) {
    throw new MayflyError("SCT_INVALID", "the SCT's signature is not over this entry");
  }
}
