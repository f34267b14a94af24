import { createPublicKey } from "node:crypto";
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
  const key = importKey(spki);
  const rawBytes = new Uint8Array(key.export({ type: "spki", format: "der" }));
  if (Buffer.compare(rawBytes, spki) !== 0) refuse("the key is not the DER of a SubjectPublicKeyInfo");
  if (key.asymmetricKeyType === "ed25519") return { rawBytes, keyDetails: "PKIX_ED25519" };
  if (key.asymmetricKeyDetails?.namedCurve === "prime256v1") return { rawBytes, keyDetails: "PKIX_ECDSA_P256_SHA_256" };
  return refuse("the key is neither ECDSA on P-256 nor Ed25519, and some clients could not read the trusted root");
}

function importKey(spki: Uint8Array) {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch (cause) {
    return refuse("the key is no SubjectPublicKeyInfo", cause);
  }
}

function refuse(what: string, cause?: unknown): never {
  throw new MayflyError("TRUST_INVALID", what, cause === undefined ? {} : { cause });
}
