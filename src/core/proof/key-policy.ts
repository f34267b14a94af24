import { createPublicKey, hash } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { encodePem } from "../encoding/pem.ts";
import { MayflyError } from "../errors.ts";
import type { Reason } from "../errors.ts";
import type { ClientSigningAlgorithm } from "./client-signing-algorithm.ts";
import type { KeyAlgorithm } from "./public-key.ts";
import { findRsaWeakness } from "./rsa-weakness.ts";
import type { SubjectPublicKeyInfo } from "./subject-public-key-info.ts";

/** What an operator decides about callers' keys. */
export interface KeyPolicy {
  readonly permittedAlgorithms: ReadonlySet<ClientSigningAlgorithm>;
  /** SHA-256 of the SubjectPublicKeyInfo of the CA's, the log's and other keys no caller may hold; lower-case hex. */
  readonly forbiddenKeys: ReadonlySet<string>;
}

/** A key that is valid, strong and not ours. That the caller holds its private half is still open. */
export interface CheckedKey {
  readonly algorithm: KeyAlgorithm;
  /** Canonical DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly keyObject: KeyObject;
}

/**
 * Applies every rule about keys that does not depend on a signature; it runs before any signature is verified, because
 * under some of the keys it refuses signatures verify that anybody can make (RSA with exponent 1; in many
 * implementations Ed25519 of small order).
 *
 * What proves what: type, size, exponent and the form of the encoding by the constants of
 * {@link SubjectPublicKeyInfo}; that an EC point lies on its curve with both coordinates below p by OpenSSL's import,
 * which refuses any other (the point at infinity and hybrid points, which it takes, never get here; all three curves
 * have cofactor 1, so a point on the curve has the full order); the strength of RSA and Ed25519 keys by the rules here.
 *
 * @throws MayflyError `insecure_key` or `invalid_public_key` (KEY_POINT_INVALID)
 */
export function checkKey(key: SubjectPublicKeyInfo, forbiddenKeys: ReadonlySet<string>): CheckedKey {
  const weakness = findWeakness(key);
  if (weakness !== undefined) throw new MayflyError(weakness, `weak ${key.algorithm} key`);
  if (forbiddenKeys.has(hash("sha256", key.spki, "hex"))) {
    throw new MayflyError("KEY_IS_OURS", "key belongs to this service or is blocked");
  }
  return { algorithm: key.algorithm, spki: key.spki, keyObject: importKey(key.spki) };
}

function findWeakness({ algorithm, value }: SubjectPublicKeyInfo): Reason | undefined {
  switch (algorithm) {
    case "rsa-2048":
    case "rsa-3072":
    case "rsa-4096":
      return findRsaWeakness(value);
    case "ed25519":
      return isWeakEd25519(value) ? "ED25519_WEAK_POINT" : undefined;
    default:
      return undefined;
  }
}

/**
 * Node imports PEM text in about 15 µs and DER in about 31 (Node 24, P-256, fresh keys): the text is written from the
 * checked bytes, so OpenSSL never sees what the caller wrote.
 */
function importKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey(encodePem("PUBLIC KEY", spki));
  } catch (cause) {
    throw new MayflyError("KEY_POINT_INVALID", "point is not on its curve", { cause });
  }
}

/** y-coordinates of the eight points of small order (RFC 7748 §6.1 lists their images), little-endian. */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);

/**
 * A point of small order, for which signatures can be made without a key, or a y of p = 2^255 − 19 and above, which
 * RFC 8032 §5.1.3 refuses. A y that belongs to no point is left to the signature, which cannot verify.
 */
function isWeakEd25519(key: Uint8Array): boolean {
  const y = Buffer.from(key);
  y[31] = (y[31] ?? 0) & 0x7f; // the top bit is the sign of x
  const notBelowP = y[31] === 0x7f && (y[0] ?? 0) >= 0xed && y.subarray(1, 31).every((octet) => octet === 0xff);
  return notBelowP || SMALL_ORDER_Y.has(y.toString("hex"));
}
