import { createPublicKey, hash, type KeyObject } from "node:crypto";
import { MayflyError } from "../errors.ts";

/** A log's public key together with the name that SCTs give it. */
export interface LogKey {
  /** SHA-256 of the DER SubjectPublicKeyInfo, 32 bytes (RFC 6962 §3.2). */
  readonly logId: Uint8Array;
  /** ECDSA on P-256. */
  readonly publicKey: KeyObject;
}

/**
 * Reads the public key of a log.
 *
 * @param spki DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7)
 * @throws MayflyError `log_failed` (LOG_WRONG_KEY) unless it is an ECDSA key on P-256, the only kind that every verifier
 *   of Sigstore certificates accepts
 */
export function parseLogKey(spki: Uint8Array): LogKey {
  const publicKey = importKey(spki);
  if (publicKey.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new MayflyError("LOG_WRONG_KEY", "the log's key is not on P-256");
  }
  return { logId: hash("sha256", spki, "buffer"), publicKey };
}

function importKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch (cause) {
    throw new MayflyError("LOG_WRONG_KEY", "the log's key is no SubjectPublicKeyInfo", { cause });
  }
}
