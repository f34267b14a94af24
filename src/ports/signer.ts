import type { SignatureAlgorithm } from "../core/certificate/algorithms.ts";

/**
 * A private key that can be asked for signatures, wherever it is kept. It signs bytes and knows nothing of certificates
 * or logs, so file, memory and KMS keys differ in nothing that the core can see.
 */
export interface Signer {
  readonly algorithm: SignatureAlgorithm;
  /** DER SubjectPublicKeyInfo of the key (RFC 5280 §4.1.2.7). */
  readonly publicKey: Uint8Array;
  /** Whether the key lives in this process; a remote signer's answers are verified each time. */
  readonly location: "in-process" | "remote";
  /**
   * Signs `message` (not a digest of it). ECDSA signatures come as DER `Ecdsa-Sig-Value`, Ed25519 as 64 bytes,
   * RSA as PKCS#1 v1.5.
   *
   * @throws MayflyError `signer_failed` or `signer_unavailable`
   */
  sign(message: Uint8Array): Promise<Uint8Array>;
  /** Releases the key. */
  close(): Promise<void>;
}
