/** Signature algorithms of CA and log keys. Checkpoints may use Ed25519; certificates are signed by the other four. */
export type SignatureAlgorithm =
  "ecdsa-p256-sha256" | "ecdsa-p384-sha384" | "ecdsa-p521-sha512" | "rsa-pkcs1-sha256" | "ed25519";
