import { createPublicKey, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";

import { MayflyError } from "../../core/errors.ts";
import type { Signer } from "../../ports/signer.ts";
import { SIGNATURE_DIGEST } from "./signature-digest.ts";

/**
 * Signed once at load. It is text: no parser takes it for a TBSCertificate, an SCT, a tree head or a note, so the
 * signature is worth nothing to whoever sees it.
 */
const LOAD_MESSAGE = new TextEncoder().encode("Mayfly: proof at load that this signer holds the key it names");

/** How {@link proveSigner} watches over a signer. */
export interface ProveSignerOptions {
  /** One of how many signatures of an in-process key is verified; 256 when not given. Remote ones are verified each time. */
  readonly sampleEvery?: number;
  /**
   * Called when an in-process key made a wrong signature: memory, code or key of this process are damaged, and it must
   * end. Not called for a remote signer, whose wrong answer is discarded and fails one request.
   */
  readonly onMismatch: (error: MayflyError) => void;
}

/**
 * Proves that a signer holds the private half of the public key it names, and gives it back under watch: every signature
 * of a remote signer is verified before anyone sees it, one in `sampleEvery` of an in-process one.
 *
 * @throws MayflyError `signer_failed` (SIGNER_KEY_MISMATCH) when the proof at load does not verify; later `sign` rejects
 *   with `signer_failed` (SIGNATURE_INVALID)
 */
export async function proveSigner(signer: Signer, options: ProveSignerOptions): Promise<Signer> {
  const sampleEvery = options.sampleEvery ?? 256;
  if (!Number.isSafeInteger(sampleEvery) || sampleEvery < 1) throw new RangeError("sampleEvery must be 1 or more");
  const publicKey = importPublicKey(signer);
  const isGood = (message: Uint8Array, signature: Uint8Array): boolean =>
    verify(SIGNATURE_DIGEST[signer.algorithm], message, publicKey, signature);

  if (!isGood(LOAD_MESSAGE, await signer.sign(LOAD_MESSAGE))) {
    throw new MayflyError(
      "SIGNER_KEY_MISMATCH",
      "the signer does not hold the private half of the public key it names",
    );
  }
  const interval = signer.location === "remote" ? 1 : sampleEvery;
  let signatures = 0;
  return {
    algorithm: signer.algorithm,
    publicKey: signer.publicKey,
    location: signer.location,
    sign: async (message) => {
      signatures = (signatures + 1) % interval;
      const verifyThisOne = signatures === 0;
      const signature = await signer.sign(message);
      if (!verifyThisOne || isGood(message, signature)) return signature;
      const error = new MayflyError(
        "SIGNATURE_INVALID",
        `the ${signer.location} signer made a signature that is not valid`,
      );
      if (signer.location === "in-process") options.onMismatch(error);
      throw error;
    },
    close: () => signer.close(),
  };
}

function importPublicKey(signer: Signer): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(signer.publicKey), format: "der", type: "spki" });
  } catch (cause) {
    throw new MayflyError("SIGNER_KEY_MISMATCH", "the signer's public key cannot be read", { cause });
  }
}
