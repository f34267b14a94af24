import { DerError } from "../encoding/der-reader.ts";
import { MayflyError } from "../errors.ts";
import type { KeyAlgorithm, ProvenKey } from "../proof/public-key.ts";
import type { IssuerChain } from "./issuer-chain.ts";
import { lintFailure, lintThat } from "./lint-failure.ts";
import { hasSpkiForm } from "./spki-form.ts";

/** Key types that the profile lets a leaf certify. */
const KEY_ALGORITHMS: ReadonlySet<KeyAlgorithm> = new Set([
  "ecdsa-p256",
  "ecdsa-p384",
  "ecdsa-p521",
  "rsa-2048",
  "rsa-3072",
  "rsa-4096",
  "ed25519",
]);

/**
 * Holds the key of a leaf against the profile: one of its types, in the one canonical form, and none of the issuing
 * chain's own keys: whoever could prove possession of one of those holds a CA key.
 *
 * @throws MayflyError `profile_violation` (LINT) or `insecure_key` (KEY_IS_OURS)
 */
export function lintKey({ algorithm, spki }: ProvenKey, issuer: IssuerChain): void {
  lintThat(KEY_ALGORITHMS.has(algorithm), "key-algorithm", "not a key type of the profile");
  lintThat(isCanonical(algorithm, spki), "key-spki", `not a canonical ${algorithm} key`);
  const bytes = Buffer.from(spki);
  if (issuer.certificates.some((certificate) => Buffer.from(certificate).includes(bytes))) {
    throw new MayflyError("KEY_IS_OURS", "the key is one of the issuing chain");
  }
}

function isCanonical(algorithm: KeyAlgorithm, spki: Uint8Array): boolean {
  try {
    return hasSpkiForm(algorithm, spki);
  } catch (cause) {
    if (cause instanceof DerError) throw lintFailure("key-spki", "not DER", cause);
    throw cause;
  }
}
