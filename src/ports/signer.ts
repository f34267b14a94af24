import type { SignatureAlgorithm } from "../core/certificate/algorithms.ts";
import type { MayflyError } from "../core/errors.ts";

/** What is known of the service that holds a key, without asking it. */
export interface KeyService {
  /**
   * Asked before work that needs a signature begins, so that none is done for what would be refused. Takes the signatures of
   * one certificate from the service's budget.
   *
   * @throws MayflyError `signer_unavailable`, or `signer_failed` where the key cannot be used
   */
  requireOpen(): void;
  /** Why the next signature would be refused, if it would be. */
  refusal(): MayflyError | undefined;
}

/**
 * When a signature has its turn, where it has to wait for one: what is begun is finished first, or of many who come
 * at once all would begin and nobody end.
 */
export type SigningTurn = "in-order" | "finishing";

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
  /** Of a remote key. */
  readonly service?: KeyService | undefined;
  /**
   * Signs `message` (not a digest of it). ECDSA signatures come as DER `Ecdsa-Sig-Value`, Ed25519 as 64 bytes,
   * RSA as PKCS#1 v1.5.
   *
   * @param turn in order when left out
   * @throws MayflyError `signer_failed` or `signer_unavailable`
   */
  sign(message: Uint8Array, turn?: SigningTurn): Promise<Uint8Array>;
  /** Releases the key. */
  close(): Promise<void>;
}
