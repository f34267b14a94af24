/** Key types a leaf may certify. */
export type KeyAlgorithm =
  "ecdsa-p256" | "ecdsa-p384" | "ecdsa-p521" | "rsa-2048" | "rsa-3072" | "rsa-4096" | "ed25519";

declare const proven: unique symbol;

/** A public key that passed the key policy and whose holder proved possession of the private key. */
export interface ProvenKey {
  readonly [proven]: true;
  /** Canonical DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), as the certificate will carry it. */
  readonly spki: Uint8Array;
  readonly algorithm: KeyAlgorithm;
}
