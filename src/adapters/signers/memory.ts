import { generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";

import type { SignatureAlgorithm } from "../../core/certificate/algorithms.ts";
import type { Signer } from "../../ports/signer.ts";
import { makeKeyObjectSigner } from "./key-object-signer.ts";

/**
 * Signer with a fresh key that no one can ever use again after this process: for development and tests, where nothing has
 * to be trusted tomorrow.
 */
export function createMemorySigner(algorithm: SignatureAlgorithm): Signer {
  return makeKeyObjectSigner(generatePrivateKey(algorithm));
}

/** A fresh private key for an algorithm; RSA keys have 3072 bits (NIST SP 800-57 part 1, 128 bits of strength). */
export function generatePrivateKey(algorithm: SignatureAlgorithm): KeyObject {
  switch (algorithm) {
    case "ecdsa-p256-sha256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    case "ecdsa-p384-sha384":
      return generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
    case "ecdsa-p521-sha512":
      return generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey;
    case "rsa-pkcs1-sha256":
      return generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey;
    case "ed25519":
      return generateKeyPairSync("ed25519").privateKey;
  }
}
