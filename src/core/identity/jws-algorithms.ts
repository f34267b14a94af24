/** Signature algorithms an ID token may use (RFC 7518 §3.1, RFC 8037, RFC 9864): asymmetric and not broken. */
export const JWS_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

/** One of these algorithms, by its name in a token's `alg`. */
export type JwsAlgorithm = (typeof JWS_ALGORITHMS)[number];

const KNOWN: ReadonlySet<string> = new Set(JWS_ALGORITHMS);

/** Whether a value names an algorithm that an ID token may use; compared byte for byte. */
export function isJwsAlgorithm(value: unknown): value is JwsAlgorithm {
  return typeof value === "string" && KNOWN.has(value);
}
