import { createPublicKey, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";

import type { SignatureAlgorithm } from "../../core/certificate/algorithms.ts";
import { MayflyError } from "../../core/errors.ts";
import type { Signer } from "../../ports/signer.ts";
import { signatureAlgorithmOf } from "./public-key.ts";
import { SIGNATURE_DIGEST } from "./signature-digest.ts";

/**
 * Algorithms whose signature is so dear that it must not hold up the requests behind it. Measured on Node 24, CPU per
 * signature over 1.2 KB on the calling thread and in the thread pool: P-256 22 and 37 µs, Ed25519 33 and 52 µs, P-384 600
 * and 600 µs, RSA-3072 840 and 850 µs, P-521 1370 and 1410 µs. The hand-over costs some 15 µs, so the two quick ones stay.
 */
const IN_THREAD_POOL: ReadonlySet<SignatureAlgorithm> = new Set<SignatureAlgorithm>([
  "ecdsa-p384-sha384",
  "ecdsa-p521-sha512",
  "rsa-pkcs1-sha256",
]);

/**
 * Signer over a private key held by this process. ECDSA signatures are DER, RSA ones PKCS#1 v1.5 (RFC 8017 §8.2).
 *
 * @throws MayflyError `signer_failed` (SIGNER_KEY_MISMATCH) for a key Mayfly does not sign with: another curve, RSA under
 *   2048 or over 8192 bits, RSA-PSS
 */
export function makeKeyObjectSigner(privateKey: KeyObject): Signer {
  if (privateKey.type !== "private") throw new TypeError("a signer needs a private key");
  const algorithm = signatureAlgorithmOf(privateKey);
  const signMessage = IN_THREAD_POOL.has(algorithm) ? signInThreadPool : signOnThisThread;
  let key: KeyObject | undefined = privateKey;
  return {
    algorithm,
    publicKey: new Uint8Array(createPublicKey(privateKey).export({ type: "spki", format: "der" })),
    location: "in-process",
    sign: (message) =>
      key === undefined
        ? Promise.reject(new MayflyError("SIGNER_REFUSED", "the signer is closed"))
        : signMessage(SIGNATURE_DIGEST[algorithm], message, key),
    close: () => {
      key = undefined;
      return Promise.resolve();
    },
  };
}

function signOnThisThread(digest: string | null, message: Uint8Array, key: KeyObject): Promise<Uint8Array> {
  try {
    return Promise.resolve(sign(digest, message, key));
  } catch (cause) {
    return Promise.reject(refused(cause));
  }
}

function signInThreadPool(digest: string | null, message: Uint8Array, key: KeyObject): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign(digest, message, key, (cause, signature) => {
      if (cause === null) resolve(signature);
      else reject(refused(cause));
    });
  });
}

function refused(cause: unknown): MayflyError {
  return new MayflyError("SIGNER_REFUSED", "the private key gave no signature", { cause });
}
