import { MayflyError } from "../errors.ts";
import type { Challenger } from "../identity/principal.ts";
import type { KeyRequest } from "../issuance-types.ts";
import { assertPermittedAlgorithm, PROOF_DIGEST } from "./client-signing-algorithm.ts";
import { parseCertificationRequest } from "./csr.ts";
import { expectedProof } from "./expected-proof.ts";
import { checkKey } from "./key-policy.ts";
import type { CheckedKey, KeyPolicy } from "./key-policy.ts";
import { parsePublicKey } from "./parse-public-key.ts";
import type { KeyAlgorithm, ProvenKey } from "./public-key.ts";
import { parseSubjectPublicKeyInfo } from "./subject-public-key-info.ts";
import { verifySignature } from "./verify-signature.ts";
import type { SignatureClaim } from "./verify-signature.ts";

const MAX_PROOF_BYTES = 2 * 1024;

/**
 * Length of r‖s (IEEE P1363), each as long as the curve's order: some clients send that. A DER signature is longer but
 * for one in 2^48, which is misread and refused; its sender signs again.
 */
const RAW_SIGNATURE_LENGTH: Readonly<Partial<Record<KeyAlgorithm, number>>> = {
  "ecdsa-p256": 64,
  "ecdsa-p384": 96,
  "ecdsa-p521": 132,
};

/**
 * Judges the key a caller wants certified and makes sure that the caller holds its private half: by a signature over
 * the challenge, whose digest the key decides, or by the self-signature of a certification request (RFC 2986 §3), which
 * covers no challenge. The key is judged before any signature is verified.
 *
 * @throws MayflyError `invalid_public_key`, `invalid_csr`, `insecure_key`, `algorithm_not_permitted` or `invalid_proof`
 */
export async function provePossession(
  request: KeyRequest,
  challenger: Challenger,
  policy: KeyPolicy,
): Promise<ProvenKey> {
  const { spki, algorithm } =
    request.kind === "csr"
      ? await proveBySelfSignature(request.csr, policy)
      : await proveByChallenge(request, challenger, policy);
  // The one place that earns the brand: policy and signature were verified above.
  return { spki, algorithm } as ProvenKey;
}

async function proveByChallenge(
  request: { readonly publicKey: Uint8Array; readonly proof: Uint8Array },
  challenger: Challenger,
  policy: KeyPolicy,
): Promise<CheckedKey> {
  const key = checkKey(parsePublicKey(request.publicKey), policy);
  const digest = PROOF_DIGEST[key.algorithm];
  assertPermittedAlgorithm(key.algorithm, digest, policy.permittedAlgorithms);
  const { proof } = request;
  const refusal = { publicHint: expectedProof(challenger) };
  if (proof.length === 0) throw new MayflyError("PROOF_MISSING", "no proof of possession", refusal);
  if (proof.length > MAX_PROOF_BYTES) {
    throw new MayflyError("PROOF_INVALID", `proof exceeds ${MAX_PROOF_BYTES} bytes`, refusal);
  }
  const encoding = proof.length === RAW_SIGNATURE_LENGTH[key.algorithm] ? "ieee-p1363" : "der";
  const claim: SignatureClaim = {
    message: Buffer.from(challenger.challenge, "utf8"),
    signature: proof,
    digest,
    encoding,
  };
  if (!(await verifySignature(key, claim))) {
    throw new MayflyError("PROOF_INVALID", "proof of possession does not verify", refusal);
  }
  return key;
}

async function proveBySelfSignature(csr: Uint8Array, policy: KeyPolicy): Promise<CheckedKey> {
  const request = parseCertificationRequest(csr);
  const key = checkKey(parseSubjectPublicKeyInfo(request.subjectPublicKeyInfo), policy);
  const { keyType, digest } = request.signatureAlgorithm();
  if (!key.algorithm.startsWith(keyType)) {
    throw new MayflyError("CSR_SIGNATURE_INVALID", "CSR names a signature algorithm its key does not have");
  }
  assertPermittedAlgorithm(key.algorithm, digest, policy.permittedAlgorithms);
  const claim: SignatureClaim = { message: request.info, signature: request.signature, digest, encoding: "der" };
  if (!(await verifySignature(key, claim))) {
    throw new MayflyError("CSR_SIGNATURE_INVALID", "self-signature of the CSR does not verify");
  }
  return key;
}
