import { verify } from "node:crypto";
import { PresentationReader, PresentationError, PresentationWriter } from "../encoding/tls-presentation.ts";
import type { NoteVerifier } from "./signed-note.ts";
import { importEd25519Key, noteKeyId, SIGNATURE_TYPE, type VerifierKey } from "./verifier-key.ts";

/*
 * C2SP tlog-cosignature, what follows the key ID on a signature line of type 0x04:
 *
 *   struct timestamped_signature {
 *     u64 timestamp;
 *     u8 signature[64];
 *   }
 */

const SIGNATURE_LENGTH = 64;

/** A witness's statement that it saw a checkpoint, and nothing inconsistent with it, at a time. */
export interface Cosignature {
  /** Seconds since the Unix epoch. */
  readonly timestampSeconds: number;
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * What a cosigner signs (C2SP tlog-cosignature, `cosignature/v1`).
 *
 * @param text note text of the checkpoint, with its final newline
 */
export function cosignatureMessage(text: string, timestampSeconds: number): Uint8Array {
  return Buffer.from(`cosignature/v1\ntime ${timestampSeconds}\n${text}`);
}

/**
 * The signature bytes of a cosignature line, without the key ID.
 *
 * @throws RangeError when a field does not fit the structure
 */
export function encodeCosignature({ timestampSeconds, signature }: Cosignature): Uint8Array {
  if (signature.length !== SIGNATURE_LENGTH) throw new RangeError("an Ed25519 signature has 64 bytes");
  return new PresentationWriter(8 + SIGNATURE_LENGTH).u64(timestampSeconds).bytes(signature).finish();
}

/**
 * Reads the signature bytes of a cosignature line; the inverse of {@link encodeCosignature}.
 *
 * @throws PresentationError when they are not exactly one cosignature
 */
export function decodeCosignature(bytes: Uint8Array): Cosignature {
  const reader = new PresentationReader(bytes);
  const cosignature = { timestampSeconds: reader.u64(), signature: reader.bytes(SIGNATURE_LENGTH) };
  reader.finish();
  return cosignature;
}

/**
 * Verifier of a witness's cosignatures, type 0x04. It says nothing about their time: read it with
 * {@link decodeCosignature} from the verified line.
 *
 * @throws RangeError when the key is of another type
 */
export function makeCosignatureVerifier({ name, type, publicKey }: VerifierKey): NoteVerifier {
  if (type !== SIGNATURE_TYPE.cosignature) throw new RangeError(`verifier key of type ${type}`);
  const key = importEd25519Key(publicKey);
  return {
    name,
    keyId: noteKeyId(name, type, publicKey),
    verify: (text, bytes) => {
      try {
        const { timestampSeconds, signature } = decodeCosignature(bytes);
        return verify(null, cosignatureMessage(text, timestampSeconds), key, signature);
      } catch (error) {
        if (error instanceof PresentationError) return false;
        throw error;
      }
    },
  };
}
