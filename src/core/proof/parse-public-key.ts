import { bitString, nullValue, oid, sequence } from "../encoding/der-writer.ts";
import { parsePem, PemError } from "../encoding/pem.ts";
import type { PemBlock } from "../encoding/pem.ts";
import { MayflyError } from "../errors.ts";
import { parseSubjectPublicKeyInfo } from "./subject-public-key-info.ts";
import type { SubjectPublicKeyInfo } from "./subject-public-key-info.ts";

const MAX_KEY_BYTES = 8 * 1024;

/** First octet of every DER SubjectPublicKeyInfo; no PEM text starts with it. */
const SEQUENCE = 0x30;

const RSA_ENCRYPTION = sequence(oid("1.2.840.113549.1.1.1"), nullValue());

/**
 * Reads the key a caller wants certified: one PEM block `PUBLIC KEY` (RFC 7468 §13) or `RSA PUBLIC KEY`
 * (RFC 8017 §A.1.1), or a SubjectPublicKeyInfo as bare DER; 8 KiB at most. Any other block, a private key above all, is
 * refused unread.
 *
 * @throws MayflyError `invalid_public_key`, or `insecure_key` for a type, curve, size or exponent that is never accepted
 */
export function parsePublicKey(publicKey: Uint8Array): SubjectPublicKeyInfo {
  if (publicKey.length === 0) throw new MayflyError("KEY_MISSING", "no public key");
  if (publicKey.length > MAX_KEY_BYTES)
    throw new MayflyError("KEY_TOO_LONG", `public key exceeds ${MAX_KEY_BYTES} bytes`);
  if (publicKey[0] === SEQUENCE) return parseSubjectPublicKeyInfo(publicKey);
  const { label, der } = onlyBlock(publicKey);
  switch (label) {
    case "PUBLIC KEY":
      return parseSubjectPublicKeyInfo(der);
    case "RSA PUBLIC KEY":
      return parseSubjectPublicKeyInfo(sequence(RSA_ENCRYPTION, bitString(der)));
    default:
      throw new MayflyError("KEY_WRONG_PEM_TYPE", "PEM block is neither PUBLIC KEY nor RSA PUBLIC KEY");
  }
}

function onlyBlock(text: Uint8Array): PemBlock {
  try {
    const [block, ...others] = parsePem(text);
    if (block === undefined || others.length > 0) throw new PemError("more than one PEM block");
    return block;
  } catch (cause) {
    if (cause instanceof PemError) throw new MayflyError("KEY_NOT_PEM", cause.message, { cause });
    throw cause;
  }
}
