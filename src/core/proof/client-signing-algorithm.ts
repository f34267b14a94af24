import { MayflyError } from "../errors.ts";
import type { KeyAlgorithm } from "./public-key.ts";

/** Digest of a proof's signature in the name node:crypto has for it; null for Ed25519, which takes the message itself. */
export type ProofDigest = "sha256" | "sha384" | "sha512" | null;

/** Pairs of key and digest that a caller's signature may use, by their names in Sigstore's protobuf specifications. */
export const CLIENT_SIGNING_ALGORITHMS = [
  "ecdsa-sha2-256-nistp256",
  "ecdsa-sha2-384-nistp384",
  "ecdsa-sha2-512-nistp521",
  "rsa-sign-pkcs1-2048-sha256",
  "rsa-sign-pkcs1-3072-sha256",
  "rsa-sign-pkcs1-4096-sha256",
  "ed25519",
  "ecdsa-sha2-256-nistp384",
  "ecdsa-sha2-256-nistp521",
] as const;

/** One of {@link CLIENT_SIGNING_ALGORITHMS}. */
export type ClientSigningAlgorithm = (typeof CLIENT_SIGNING_ALGORITHMS)[number];

/** What is permitted unless the operator says otherwise: each key type with its own digest. */
export const DEFAULT_CLIENT_SIGNING_ALGORITHMS: ReadonlySet<ClientSigningAlgorithm> = new Set(
  CLIENT_SIGNING_ALGORITHMS.filter((name) => !name.startsWith("ecdsa-sha2-256") || name.endsWith("nistp256")),
);

/** The digest of a proof of possession is never negotiated: the key decides. */
export const PROOF_DIGEST: Readonly<Record<KeyAlgorithm, ProofDigest>> = {
  "ecdsa-p256": "sha256",
  "ecdsa-p384": "sha384",
  "ecdsa-p521": "sha512",
  "rsa-2048": "sha256",
  "rsa-3072": "sha256",
  "rsa-4096": "sha256",
  ed25519: null,
};

const NAMES: Readonly<Record<KeyAlgorithm, Readonly<Record<string, ClientSigningAlgorithm>>>> = {
  "ecdsa-p256": { sha256: "ecdsa-sha2-256-nistp256" },
  "ecdsa-p384": { sha384: "ecdsa-sha2-384-nistp384", sha256: "ecdsa-sha2-256-nistp384" },
  "ecdsa-p521": { sha512: "ecdsa-sha2-512-nistp521", sha256: "ecdsa-sha2-256-nistp521" },
  "rsa-2048": { sha256: "rsa-sign-pkcs1-2048-sha256" },
  "rsa-3072": { sha256: "rsa-sign-pkcs1-3072-sha256" },
  "rsa-4096": { sha256: "rsa-sign-pkcs1-4096-sha256" },
  ed25519: { none: "ed25519" },
};

/**
 * Refuses a pair of key and digest that has no name or whose name is not permitted. The public text is the one Fulcio
 * composes, which prints the types of its own language.
 *
 * @throws MayflyError `algorithm_not_permitted` (ALGORITHM_NOT_PERMITTED)
 */
export function assertPermittedAlgorithm(
  key: KeyAlgorithm,
  digest: ProofDigest,
  permitted: ReadonlySet<ClientSigningAlgorithm>,
): void {
  const name = NAMES[key][digest ?? "none"];
  if (name !== undefined && permitted.has(name)) return;
  const publicMessage = `signing algorithm not permitted: ${goType(key)}, ${goHash(digest)}`;
  throw new MayflyError("ALGORITHM_NOT_PERMITTED", `${key} with ${digest ?? "no digest"} is not permitted`, {
    publicMessage,
  });
}

function goType(key: KeyAlgorithm): string {
  if (key === "ed25519") return "ed25519.PublicKey";
  return key.startsWith("rsa") ? "*rsa.PublicKey" : "*ecdsa.PublicKey";
}

function goHash(digest: ProofDigest): string {
  return digest === null ? "unknown hash value 0" : digest.replace("sha", "SHA-");
}
