import { derChildren, parseBitString, parseDer, parseUnsignedInteger } from "../encoding/der-reader.ts";
import type { KeyAlgorithm } from "../proof/public-key.ts";

const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, "hex"));

type FixedAlgorithm = Exclude<KeyAlgorithm, `rsa-${string}`>;

/**
 * What every SubjectPublicKeyInfo of an algorithm starts with, and how long it is: named curves with an uncompressed point
 * (RFC 5480 §2) and Ed25519 (RFC 8410 §4).
 */
const FIXED_FORMS: Readonly<Record<FixedAlgorithm, { readonly prefix: Uint8Array; readonly length: number }>> = {
  "ecdsa-p256": { prefix: hex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"), length: 91 },
  "ecdsa-p384": { prefix: hex("3076301006072a8648ce3d020106052b8104002203620004"), length: 120 },
  "ecdsa-p521": { prefix: hex("30819b301006072a8648ce3d020106052b810400230381860004"), length: 158 },
  ed25519: { prefix: hex("302a300506032b6570032100"), length: 44 },
};

/** rsaEncryption with NULL parameters (RFC 3279 §2.3.1). */
const RSA_ENCRYPTION = hex("300d06092a864886f70d0101010500");

/**
 * Whether `spki` is the canonical SubjectPublicKeyInfo of a key of this algorithm and, for RSA, of exactly this size.
 *
 * @throws DerError when an RSA key is not DER
 */
export function hasSpkiForm(algorithm: KeyAlgorithm, spki: Uint8Array): boolean {
  switch (algorithm) {
    case "ecdsa-p256":
    case "ecdsa-p384":
    case "ecdsa-p521":
    case "ed25519":
      return hasFixedForm(algorithm, spki);
    case "rsa-2048":
    case "rsa-3072":
    case "rsa-4096":
      return rsaModulusBits(spki) === Number(algorithm.slice("rsa-".length));
  }
}

function hasFixedForm(algorithm: FixedAlgorithm, spki: Uint8Array): boolean {
  const { prefix, length } = FIXED_FORMS[algorithm];
  return spki.length === length && Buffer.compare(spki.subarray(0, prefix.length), prefix) === 0;
}

/**
 * Size of an RSA key in bits; undefined when the key is not a canonical `rsaEncryption` key.
 *
 * @param spki DER SubjectPublicKeyInfo
 * @throws DerError when it is not DER
 */
export function rsaModulusBits(spki: Uint8Array): number | undefined {
  const [algorithm, key, ...rest] = derChildren(parseDer(spki));
  if (algorithm === undefined || Buffer.compare(algorithm.bytes, RSA_ENCRYPTION) !== 0 || rest.length > 0) {
    return undefined;
  }
  const [modulus, exponent, ...more] = derChildren(parseDer(parseBitString(key)));
  const octets = parseUnsignedInteger(modulus);
  parseUnsignedInteger(exponent);
  return more.length > 0 ? undefined : octets.length * 8 - Math.clz32(octets[0] ?? 0) + 24;
}
