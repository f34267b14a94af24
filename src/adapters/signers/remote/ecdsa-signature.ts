import { integer, sequence } from "../../../core/encoding/der-writer.ts";
import { KeyFailure } from "./key-failure.ts";
import type { SignatureAlgorithm } from "../../../core/certificate/algorithms.ts";

/** Octets of r and of s, each as long as the curve's order (IEEE P1363). */
const HALF: ReadonlyMap<SignatureAlgorithm, number> = new Map<SignatureAlgorithm, number>([
  ["ecdsa-p256-sha256", 32],
  ["ecdsa-p384-sha384", 48],
  ["ecdsa-p521-sha512", 66],
]);

/**
 * DER Ecdsa-Sig-Value (RFC 3279 §2.2.3) of r‖s, as some services give it.
 *
 * @throws KeyFailure `wrong-answer` for another length
 */
export function encodeEcdsaSignature(raw: Uint8Array, algorithm: SignatureAlgorithm): Uint8Array {
  const half = HALF.get(algorithm);
  if (half === undefined) throw new TypeError(`${algorithm} has no r and s`);
  if (raw.length !== 2 * half) {
    throw new KeyFailure("wrong-answer", `a signature of ${raw.length} bytes came, where ${2 * half} make r and s`);
  }
  return sequence(integer(raw.subarray(0, half)), integer(raw.subarray(half)));
}
