import type { SignatureAlgorithm } from "../../core/certificate/algorithms.ts";

/** Digest that `node:crypto` is told for each algorithm; Ed25519 hashes by itself (RFC 8032 §5.1.6) and is told null. */
export const SIGNATURE_DIGEST = {
  "ecdsa-p256-sha256": "sha256",
  "ecdsa-p384-sha384": "sha384",
  "ecdsa-p521-sha512": "sha512",
  "rsa-pkcs1-sha256": "sha256",
  ed25519: null,
} as const satisfies Readonly<Record<SignatureAlgorithm, string | null>>;
