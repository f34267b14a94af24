import { MayflyError } from "../../core/errors.ts";
import type { Signer } from "../../ports/signer.ts";
import { LOAD_MESSAGE } from "./load-message.ts";
import { readPublicKey } from "./public-key.ts";

/** How {@link proveSigner} watches over a signer. */
export interface ProveSignerOptions {
  /** One of how many signatures is verified; 256 when not given. */
  readonly sampleEvery?: number;
  /** Called when the key made a wrong signature: memory, code or key of this process are damaged, and it must end. */
  readonly onMismatch: (error: MayflyError) => void;
}

/**
 * Proves that a signer of this process holds the private half of the public key it names, and gives it back under watch: one
 * in `sampleEvery` of its signatures is verified before anyone sees it. (`openRemoteSigner` verifies each one of a key
 * elsewhere.)
 *
 * @throws MayflyError `signer_failed` (SIGNER_KEY_MISMATCH) when the proof at load does not verify; later `sign` rejects
 *   with `signer_failed` (SIGNATURE_INVALID)
 */
export async function proveSigner(signer: Signer, options: ProveSignerOptions): Promise<Signer> {
  const sampleEvery = options.sampleEvery ?? 256;
  if (!Number.isSafeInteger(sampleEvery) || sampleEvery < 1) throw new RangeError("sampleEvery must be 1 or more");
  const publicKey = readPublicKey(signer.publicKey);
  if (publicKey.algorithm !== signer.algorithm || !publicKey.verify(LOAD_MESSAGE, await signer.sign(LOAD_MESSAGE))) {
    throw new MayflyError(
      "SIGNER_KEY_MISMATCH",
      "the signer does not hold the private half of the public key it names",
    );
  }
  let signatures = 0;
  return {
    algorithm: signer.algorithm,
    publicKey: signer.publicKey,
    location: signer.location,
    sign: async (message, turn) => {
      signatures = (signatures + 1) % sampleEvery;
      const verifyThisOne = signatures === 0;
      const signature = await signer.sign(message, turn);
      if (!verifyThisOne || publicKey.verify(message, signature)) return signature;
      const error = new MayflyError("SIGNATURE_INVALID", "the key made a signature that is not valid");
      options.onMismatch(error);
      throw error;
    },
    close: () => signer.close(),
  };
}
