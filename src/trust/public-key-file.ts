import { createPublicKey } from "node:crypto";
import { hasSpkiForm } from "../core/certificate/spki-form.ts";
import { parsePem, PemError } from "../core/encoding/pem.ts";
import { MayflyError } from "../core/errors.ts";

/** How clients verify with a key: the names of `dev.sigstore.common.v1.PublicKeyDetails` (Sigstore protobuf-specs). */
export type KeyDetails = "PKIX_ECDSA_P256_SHA_256" | "PKIX_ED25519";

/** A public key as trust files carry it. */
export interface PublicKey {
  /** DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). */
  readonly rawBytes: Uint8Array;
  readonly keyDetails: KeyDetails;
}

/**
 * Reads a PEM file of one public key.
 *
 * @throws MayflyError `internal` (TRUST_INVALID) for anything but a key that every client can verify with
 */
export function parsePublicKeyFile(pem: Uint8Array): PublicKey {
  try {
    const [block, ...more] = parsePem(pem);
    if (block?.label !== "PUBLIC KEY" || more.length > 0) refuse("the file does not hold one PUBLIC KEY in PEM");
    return readPublicKey(block.der);
  } catch (cause) {
    if (!(cause instanceof PemError)) throw cause;
    refuse("the file does not hold one PUBLIC KEY in PEM", cause);
  }
}

/**
 * Says how a key verifies.
 *
 * @param spki DER SubjectPublicKeyInfo
 * @throws MayflyError `internal` (TRUST_INVALID) unless it is on P-256 or Ed25519: a single RSA key makes
 *   `@sigstore/verify` refuse the whole trusted root
 */
export function readPublicKey(spki: Uint8Array): PublicKey {
  const rawBytes = Uint8Array.from(spki);
  const keyDetails = FORMS.find(([algorithm]) => hasSpkiForm(algorithm, rawBytes))?.[1];
  if (keyDetails === undefined) {
    refuse(
      "the key is neither ECDSA on P-256, with its point uncompressed, nor Ed25519: some clients could not read it",
    );
  }
  try {
    createPublicKey({ key: Buffer.from(rawBytes), format: "der", type: "spki" });
  } catch (cause) {
    refuse("the key's point is not on its curve", cause);
  }
  return { rawBytes, keyDetails };
}

const FORMS = [
  ["ecdsa-p256", "PKIX_ECDSA_P256_SHA_256"],
  ["ed25519", "PKIX_ED25519"],
] as const;

function refuse(what: string, cause?: unknown): never {
  throw new MayflyError("TRUST_INVALID", what, cause === undefined ? {} : { cause });
}
