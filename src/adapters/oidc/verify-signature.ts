import { constants, verify, type VerifyKeyObjectInput, type KeyObject } from "node:crypto";
import type { VerificationKey } from "./jwk.ts";
import type { JwsAlgorithm } from "../../core/identity/jws-algorithms.ts";

/** How node:crypto verifies one algorithm. */
interface Verification {
  /** Name of the hash function; null where the algorithm has its own. */
  readonly digest: string | null;
  readonly options?: Omit<VerifyKeyObjectInput, "key">;
  /** Too dear to hold up the requests behind it: P-384 and P-521 cost 0.7 to 1.6 ms, the others less than 0.3. */
  readonly inThreadPool?: true;
}

/** RSASSA-PSS with a salt as long as the hash, and MGF1 with the same hash (RFC 7518 §3.5). */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } as const;
/** r‖s, each as long as the curve's order (RFC 7518 §3.4); another length does not verify. */
const RAW = { dsaEncoding: "ieee-p1363" } as const;

const VERIFICATIONS: Readonly<Record<JwsAlgorithm, Verification>> = {
  RS256: { digest: "sha256" },
  RS384: { digest: "sha384" },
  RS512: { digest: "sha512" },
  PS256: { digest: "sha256", options: PSS },
  PS384: { digest: "sha384", options: PSS },
  PS512: { digest: "sha512", options: PSS },
  ES256: { digest: "sha256", options: RAW },
  ES384: { digest: "sha384", options: RAW, inThreadPool: true },
  ES512: { digest: "sha512", options: RAW, inThreadPool: true },
  EdDSA: { digest: null },
  Ed25519: { digest: null },
};

/**
 * Whether one of the keys verifies the signature of a compact JWS (RFC 7515 §5.2, RFC 7518 §3.3 to §3.5, RFC 8037 §3.1).
 * Header and algorithm were judged by `parseToken`, which also made sure that each part has one spelling; the keys were
 * imported when they were fetched (docs/adr/0005-verify-tokens-at-once.md).
 *
 * @param token a compact JWS that `parseToken` took
 * @param keys such as may verify `alg`
 */
export async function verifySignature(
  token: string,
  alg: JwsAlgorithm,
  keys: readonly VerificationKey[],
): Promise<boolean> {
  const inputEnd = token.lastIndexOf(".");
  const input = Buffer.from(token.slice(0, inputEnd), "latin1");
  const signature = Buffer.from(token.slice(inputEnd + 1), "base64url");
  const { digest, options, inThreadPool = false } = VERIFICATIONS[alg];
  for (const { keyObject } of keys) {
    // Options cost node 10 µs a call, and RS256 needs none.
    const key: KeyObject | VerifyKeyObjectInput = options === undefined ? keyObject : { key: keyObject, ...options };
    const claim: SignatureClaim = { digest, input, key, signature };
    if (inThreadPool ? await verifyInThreadPool(claim) : verify(digest, input, key, signature)) return true;
  }
  return false;
}

interface SignatureClaim {
  readonly digest: string | null;
  readonly input: Uint8Array;
  readonly key: KeyObject | VerifyKeyObjectInput;
  readonly signature: Uint8Array;
}

function verifyInThreadPool({ digest, input, key, signature }: SignatureClaim): Promise<boolean> {
  return new Promise((resolve, reject) => {
    verify(digest, input, key, signature, (error, valid) => {
      if (error === null) resolve(valid);
      else reject(error);
    });
  });
}
