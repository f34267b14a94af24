import { PresentationError, type PresentationReader, type PresentationWriter } from "../encoding/tls-presentation.ts";

/*
 * RFC 5246 §4.7, as RFC 6962 §2.1.4 uses it:
 *
 *   struct {
 *     HashAlgorithm hash;              -- sha256(4)
 *     SignatureAlgorithm signature;    -- ecdsa(3)
 *     opaque signature<0..2^16-1>;
 *   } DigitallySigned;
 */

const SHA256 = 4;
const ECDSA = 3;

/** Length in bytes of a `digitally-signed` structure around a signature of that length. */
export function digitallySignedLength(signature: Uint8Array): number {
  return 1 + 1 + 2 + signature.length;
}

/** Writes an ECDSA signature with SHA-256, given as DER Ecdsa-Sig-Value, as a `digitally-signed` structure. */
export function writeDigitallySigned(writer: PresentationWriter, signature: Uint8Array): PresentationWriter {
  return writer.u8(SHA256).u8(ECDSA).vec16(signature);
}

/**
 * Reads a `digitally-signed` structure.
 *
 * @returns DER Ecdsa-Sig-Value
 * @throws PresentationError when it is malformed, or of another algorithm than ECDSA with SHA-256
 */
export function readDigitallySigned(reader: PresentationReader): Uint8Array {
  const hash = reader.u8();
  const algorithm = reader.u8();
  if (hash !== SHA256 || algorithm !== ECDSA) {
    throw new PresentationError(`signature algorithm ${algorithm} with hash ${hash}`);
  }
  return reader.vec16();
}
