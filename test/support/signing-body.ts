import { sign } from "node:crypto";
import { makeKey, pemOf } from "./caller-keys.ts";
import type { CallerKey } from "./caller-keys.ts";

/** Who signs unless a test says otherwise: whom tokens of the development issuer name, and so what proofs sign. */
export const CALLER = "dev@example.com";

/** The body of a signing call whose token is in its header (dev.sigstore.fulcio.v2.CreateSigningCertificateRequest). */
export interface SigningBody {
  readonly publicKeyRequest?: {
    readonly publicKey: { readonly content: string; readonly algorithm?: string };
    readonly proofOfPossession?: string;
  };
  readonly certificateSigningRequest?: string;
}

/** A proof of possession as Sigstore's clients make it. */
export function proofBy(key: CallerKey, challenge = CALLER, digest = digestOf(key)): Buffer {
  return sign(digest, Buffer.from(challenge), key.privateKey);
}

/** The digest that Sigstore's clients sign with by such a key; null where the signature takes the message itself. */
export function digestOf({ publicKey }: CallerKey): string | null {
  if (publicKey.asymmetricKeyType === "ed25519") return null;
  const curve = publicKey.asymmetricKeyDetails?.namedCurve ?? "";
  return { secp384r1: "sha384", secp521r1: "sha512" }[curve] ?? "sha256";
}

/** A request for a key, a fresh one if none is given, with its holder's proof for {@link CALLER} or with another one. */
export function keyRequest(key = makeKey("ecdsa-p256"), proof: Uint8Array = proofBy(key)): SigningBody {
  return rawKeyRequest(pemOf(key.publicKey), proof);
}

/** A request for whatever `content` says is a key. */
export function rawKeyRequest(content: string | Uint8Array, proof: Uint8Array): SigningBody {
  const proofOfPossession = Buffer.from(proof).toString("base64");
  return { publicKeyRequest: { publicKey: { content: Buffer.from(content).toString("utf8") }, proofOfPossession } };
}

/** A request by CSR, PEM. */
export function csrRequest(csr: string | Uint8Array): SigningBody {
  return { certificateSigningRequest: Buffer.from(csr).toString("base64") };
}
