import { parseLogKey, type LogKey } from "../core/ct/log-key.ts";
import { decodeBase64 } from "../core/encoding/base64.ts";
import { parsePem, PemError } from "../core/encoding/pem.ts";
import { MayflyError } from "../core/errors.ts";
import { NoteError } from "../core/note/note-error.ts";
import { parseVerifierKey, type VerifierKey } from "../core/note/verifier-key.ts";

/**
 * Reads a log's P-256 key in the forms in which people hand it on.
 *
 * @param key SubjectPublicKeyInfo as DER, as base64 of that (`log.v3.json`, Sigstore's trusted root), or as PEM
 * @throws MayflyError `log_failed` (LOG_WRONG_KEY) when it is anything else
 */
export function parseTrustedLogKey(key: Uint8Array | string): LogKey {
  return parseLogKey(typeof key === "string" ? spkiOfText(key.trim()) : key);
}

function spkiOfText(text: string): Uint8Array {
  const spki = text.startsWith("-----BEGIN ") ? spkiOfPem(text) : decodeBase64(text);
  if (spki === undefined) throw new MayflyError("LOG_WRONG_KEY", "the log's key is neither base64 nor PEM");
  return spki;
}

function spkiOfPem(text: string): Uint8Array | undefined {
  try {
    const [block, ...more] = parsePem(text);
    return block?.label === "PUBLIC KEY" && more.length === 0 ? block.der : undefined;
  } catch (cause) {
    if (!(cause instanceof PemError)) throw cause;
    throw new MayflyError("LOG_WRONG_KEY", `the log's key cannot be read: ${cause.message}`, { cause });
  }
}

/**
 * Reads an Ed25519 key of a log or witness in its text form, `<name>+<key ID>+<base64>` (C2SP signed-note).
 *
 * @throws MayflyError `log_failed` (LOG_WRONG_KEY) when it is none, or neither of type 0x01 nor 0x04
 */
export function parseTrustedVerifierKey(text: string): VerifierKey {
  try {
    return parseVerifierKey(text);
  } catch (cause) {
    if (!(cause instanceof NoteError)) throw cause;
    throw new MayflyError("LOG_WRONG_KEY", cause.message, { cause });
  }
}
