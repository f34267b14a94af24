import { createPublicKey, hash } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { encodePem } from "../encoding/pem.ts";
import { MayflyError } from "../errors.ts";
import type { Reason } from "../errors.ts";
import type { ClientSigningAlgorithm } from "./client-signing-algorithm.ts";
import type { KeyAlgorithm } from "./public-key.ts";
import { isWeakEd25519 } from "./ed25519-weakness.ts";
import { findRsaWeakness } from "./rsa-weakness.ts";
import type { SubjectPublicKeyInfo } from "./subject-public-key-info.ts";

/** What an operator decides about callers' keys. */
export interface KeyPolicy {
  readonly permittedAlgorithms: ReadonlySet<ClientSigningAlgorithm>;
  /** SHA-256 of the SubjectPublicKeyInfo of the CA's, the log's and other keys no caller may hold; lower-case hex. */
  readonly forbiddenKeys: ReadonlySet<string>;
  /** The same of keys that the operator blocks because others hold them too; absent when there are none. */
  readonly blockedKeys?: ReadonlySet<string>;
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
export function checkKey(key: SubjectPublicKeyInfo, policy: Omit<KeyPolicy, "permittedAlgorithms">): CheckedKey {
  const weakness = findWeakness(key);
  if (weakness !== undefined) throw new MayflyError(weakness, `weak ${key.algorithm} key`);
  const sha256 = hash("sha256", key.spki, "hex");
  if (policy.forbiddenKeys.has(sha256)) throw new MayflyError("KEY_IS_OURS", "key belongs to this service");
  if (policy.blockedKeys?.has(sha256) === true) throw new MayflyError("KEY_BLOCKED", "key is on the blocklist");
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
