import { compactVerify, errors } from "jose";
import type { VerificationKey } from "./jwk.ts";
import type { JwsAlgorithm } from "./jws-algorithms.ts";

/**
 * Whether one of the keys verifies the signature of a compact JWS (RFC 7515 §5.2). The keys were imported when they
 * were fetched, so nothing is parsed here but the token, and the algorithm is the one that was checked.
 *
 * @param keys such as may verify `alg`
 */
export async function verifySignature(
  token: string,
  alg: JwsAlgorithm,
  keys: readonly VerificationKey[],
): Promise<boolean> {
  const options = { algorithms: [alg] };
  for (const { keyObject } of keys) {
    try {
      await compactVerify(token, keyObject, options);
      return true;
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
    }
  }
  return false;
}
