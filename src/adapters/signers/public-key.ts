import { createPublicKey, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";

import type { SignatureAlgorithm } from "../../core/certificate/algorithms.ts";
import { MayflyError } from "../../core/errors.ts";
import { SIGNATURE_DIGEST } from "./signature-digest.ts";

/** By OpenSSL's name of the curve, or of the key type where there is none. */
const ALGORITHMS: ReadonlyMap<string, SignatureAlgorithm> = new Map<string, SignatureAlgorithm>([
  ["prime256v1", "ecdsa-p256-sha256"],
  ["secp384r1", "ecdsa-p384-sha384"],
  ["secp521r1", "ecdsa-p521-sha512"],
  ["rsa", "rsa-pkcs1-sha256"],
  ["ed25519", "ed25519"],
]);

/** A public key whose signatures can be judged. */
export interface PublicKey {
  readonly algorithm: SignatureAlgorithm;
  /** DER SubjectPublicKeyInfo as `node:crypto` writes it. */
  readonly der: Uint8Array;
  /** Whether a signature of a message is by this key; ECDSA signatures are DER. */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/**
 * Reads a public key.
 *
 * @param der SubjectPublicKeyInfo
 * @throws MayflyError `signer_failed` (SIGNER_KEY_MISMATCH) when it is none, or of a type Mayfly does not sign with
 */
export function readPublicKey(der: Uint8Array): PublicKey {
  const key = importPublicKey(der);
  const algorithm = signatureAlgorithmOf(key);
  return {
    algorithm,
    der: new Uint8Array(key.export({ type: "spki", format: "der" })),
    verify: (message, signature) => verify(SIGNATURE_DIGEST[algorithm], message, key, signature),
  };
}

/**
 * The one algorithm a key signs with here.
 *
 * @param key public or private
 * @throws MayflyError `signer_failed` (SIGNER_KEY_MISMATCH) when there is none
 */
export function signatureAlgorithmOf(key: KeyObject): SignatureAlgorithm {
  const { asymmetricKeyType: type = "unknown", asymmetricKeyDetails: details = {} } = key;
  const { namedCurve, modulusLength } = details;
  const algorithm = ALGORITHMS.get(namedCurve ?? type);
  const rsaSizeFits = modulusLength === undefined || (modulusLength >= 2048 && modulusLength <= 8192);
  if (algorithm !== undefined && rsaSizeFits) return algorithm;
  const kind = [type, namedCurve ?? modulusLength].join(" ");
  throw new MayflyError("SIGNER_KEY_MISMATCH", `Mayfly does not sign with a key of this type: ${kind}`);
}

function importPublicKey(der: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  } catch (cause) {
    throw new MayflyError("SIGNER_KEY_MISMATCH", "the signer's public key cannot be read", { cause });
  }
}
