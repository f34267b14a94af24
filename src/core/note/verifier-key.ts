import { createPublicKey, hash, verify, type KeyObject } from "node:crypto";
import { decodeBase64, encodeBase64 } from "../encoding/base64.ts";
import { NoteError } from "./note-error.ts";
import { isKeyName, KEY_ID_LENGTH, type NoteVerifier } from "./signed-note.ts";

/** Signature types (C2SP signed-note): what a key's signatures on a note look like. */
export const SIGNATURE_TYPE = {
  /** Ed25519 over the note's text. */
  ed25519: 0x01,
  /** Ed25519 over a timestamped cosignature message (C2SP tlog-cosignature). */
  cosignature: 0x04,
  /** RFC 6962 tree head signature (C2SP static-ct-api). */
  treeHead: 0x05,
} as const;

/** DER of an Ed25519 SubjectPublicKeyInfo up to the 32 bytes of the key (RFC 8410 §4). */
const ED25519_SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

const ED25519_KEY_LENGTH = 32;

/** A public Ed25519 key that verifies notes, and what it is called on them. */
export interface VerifierKey {
  readonly name: string;
  readonly type: typeof SIGNATURE_TYPE.ed25519 | typeof SIGNATURE_TYPE.cosignature;
  /** The bare public key, 32 bytes (RFC 8032 §5.1.5). */
  readonly publicKey: Uint8Array;
}

/**
 * Key ID (C2SP signed-note): the first 4 bytes of `SHA-256(name || 0x0A || type || key)`.
 *
 * @param key for types 0x01 and 0x04 the bare Ed25519 key, for 0x05 the log id (C2SP static-ct-api)
 */
export function noteKeyId(name: string, type: number, key: Uint8Array): Uint8Array {
  const digest = hash("sha256", Buffer.concat([Buffer.from(`${name}\n`), Uint8Array.of(type), key]), "buffer");
  return new Uint8Array(digest.subarray(0, KEY_ID_LENGTH));
}

/**
 * The bare key inside an Ed25519 SubjectPublicKeyInfo (RFC 8410 §4).
 *
 * @throws NoteError when it is anything else
 */
export function ed25519KeyOfSpki(spki: Uint8Array): Uint8Array {
  const prefix = spki.subarray(0, ED25519_SPKI_PREFIX.length);
  if (
    spki.length !== ED25519_SPKI_PREFIX.length + ED25519_KEY_LENGTH ||
    Buffer.compare(prefix, ED25519_SPKI_PREFIX) !== 0
  ) {
    throw new NoteError("not the SubjectPublicKeyInfo of an Ed25519 key");
  }
  return new Uint8Array(spki.subarray(ED25519_SPKI_PREFIX.length));
}

/** A key's text form (C2SP signed-note), `<name>+<key ID in hex>+<base64(type || key)>`. */
export function encodeVerifierKey({ name, type, publicKey }: VerifierKey): string {
  if (!isKeyName(name) || publicKey.length !== ED25519_KEY_LENGTH) throw new RangeError("no verifier key");
  const keyId = Buffer.from(noteKeyId(name, type, publicKey)).toString("hex");
  return `${name}+${keyId}+${encodeBase64(Buffer.concat([Uint8Array.of(type), publicKey]))}`;
}

const VERIFIER_KEY = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/u;

/**
 * Reads a key's text form; the inverse of {@link encodeVerifierKey}.
 *
 * @throws NoteError when it is malformed, its key ID is not its own, or its type is neither 0x01 nor 0x04
 */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name = "", keyId, base64 = ""] = VERIFIER_KEY.exec(text) ?? [];
  if (!isKeyName(name)) throw new NoteError("malformed verifier key");
  const { type, publicKey } = parseTypedKey(base64);
  if (Buffer.from(noteKeyId(name, type, publicKey)).toString("hex") !== keyId) {
    throw new NoteError("verifier key with the key ID of another");
  }
  return { name, type, publicKey };
}

function parseTypedKey(base64: string): Omit<VerifierKey, "name"> {
  const [type, ...key] = decodeBase64(base64) ?? [];
  if (type !== SIGNATURE_TYPE.ed25519 && type !== SIGNATURE_TYPE.cosignature) {
    throw new NoteError("verifier key of an unknown type");
  }
  if (key.length !== ED25519_KEY_LENGTH) throw new NoteError("verifier key of wrong length");
  return { type, publicKey: Uint8Array.from(key) };
}

/** Node's key object for a bare Ed25519 key. */
export function importEd25519Key(publicKey: Uint8Array): KeyObject {
  const spki = Buffer.concat([ED25519_SPKI_PREFIX, publicKey]);
  return createPublicKey({ key: spki, format: "der", type: "spki" });
}

/**
 * Verifier of plain Ed25519 signatures, type 0x01 (C2SP signed-note).
 *
 * @throws RangeError when the key is of another type
 */
export function makeEd25519Verifier({ name, type, publicKey }: VerifierKey): NoteVerifier {
  if (type !== SIGNATURE_TYPE.ed25519) throw new RangeError(`verifier key of type ${type}`);
  const key = importEd25519Key(publicKey);
  return {
    name,
    keyId: noteKeyId(name, type, publicKey),
    verify: (text, signature) => verify(null, Buffer.from(text), key, signature),
  };
}
