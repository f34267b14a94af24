import { hash } from "node:crypto";
import type { SignatureAlgorithm } from "../../../core/certificate/algorithms.ts";
import { SIGNATURE_DIGEST } from "../signature-digest.ts";

/** What is signed: a digest where the algorithm hashes first, the message itself for Ed25519 (RFC 8032 §5.1). */
export type SignRequest =
  | {
      readonly kind: "digest";
      readonly algorithm: Exclude<SignatureAlgorithm, "ed25519">;
      readonly hash: "sha256" | "sha384" | "sha512";
      readonly digest: Uint8Array;
    }
  | { readonly kind: "message"; readonly algorithm: "ed25519"; readonly message: Uint8Array };

/**
 * One version of one key in a key service, as an adapter gives it. Each call is one attempt: an adapter neither retries nor
 * limits nor verifies, which {@link openRemoteSigner} does for all of them. Every method rejects with a `KeyFailure`, soon
 * after its signal is aborted at the latest.
 */
export interface RemoteKey {
  /** Which key, for operators: service, names and version from the configuration; no secret. */
  readonly name: string;
  /** The public key of the pinned version, DER SubjectPublicKeyInfo, asked for anew each time. */
  fetchPublicKey(signal: AbortSignal): Promise<Uint8Array>;
  /** A signature by the pinned version: ECDSA as DER, RSA as PKCS#1 v1.5, Ed25519 as 64 bytes. */
  sign(request: SignRequest, signal: AbortSignal): Promise<Uint8Array>;
  /** Gets new credentials at once, after a failure of kind `credentials`; left out where there are none to renew. */
  renewCredentials?(signal: AbortSignal): Promise<void>;
  /** How often credentials were renewed, by {@link RemoteKey.renewCredentials} or by itself; left out where never. */
  renewals?(): number;
  /** Releases what is held; safe to call twice. */
  close(): Promise<void>;
}

/** What a key of this algorithm is asked for, to sign a message. */
export function signRequestFor(algorithm: SignatureAlgorithm, message: Uint8Array): SignRequest {
  if (algorithm === "ed25519") return { kind: "message", algorithm, message };
  const digestName = SIGNATURE_DIGEST[algorithm];
  return { kind: "digest", algorithm, hash: digestName, digest: hash(digestName, message, "buffer") };
}
