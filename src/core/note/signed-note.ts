import { decodeBase64, encodeBase64 } from "../encoding/base64.ts";
import { NoteError } from "./note-error.ts";

/*
 * C2SP signed-note:
 *
 *   <text, one or more lines, each ended by U+000A>
 *   <empty line>
 *   one or more signature lines: — <key name> <base64(key ID[4] || signature)>
 */

/** Length of a key ID in bytes. */
export const KEY_ID_LENGTH = 4;

/** More than any witnessed checkpoint has; a note with more is refused, so that its reader's work is bounded. */
const MAX_SIGNATURES = 64;

/** Bound on a whole note in UTF-16 units; a checkpoint with 64 post-quantum signatures is a quarter of it. */
const MAX_NOTE_LENGTH = 1_000_000;

/** One signature line. */
export interface NoteSignature {
  /** Key name: not empty, no white space, no plus sign. */
  readonly name: string;
  /** 4 bytes that tell keys of one name apart; no protection of any kind. */
  readonly keyId: Uint8Array;
  /** What follows the key ID; its form depends on the key's type. */
  readonly signature: Uint8Array;
}

/** A text and the signatures on it, none of them verified. */
export interface SignedNote {
  /** Ends in a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Who verifies the signature lines of one key. */
export interface NoteVerifier {
  readonly name: string;
  readonly keyId: Uint8Array;
  /** Whether `signature`, without its key ID, is one over `text` by this key. */
  verify(text: string, signature: Uint8Array): boolean;
}

/**
 * Reads a signed note (C2SP signed-note): strict about its form, indifferent to who signed it.
 *
 * @param note the whole note; bytes must be UTF-8
 * @throws NoteError when it is malformed or has more than 64 signatures
 */
export function parseSignedNote(note: string | Uint8Array): SignedNote {
  const whole = typeof note === "string" ? note : decodeUtf8(note);
  if (whole.length > MAX_NOTE_LENGTH) throw new NoteError("note too long");
  if (!isNoteText(whole)) throw new NoteError("control character or ill-formed text in a note");
  // The last empty line: the text itself may contain empty lines, signature lines cannot.
  const split = whole.lastIndexOf("\n\n");
  if (split < 0 || !whole.endsWith("\n")) throw new NoteError("note without text or signatures");
  const lines = whole.slice(split + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw new NoteError(`note with ${lines.length} signatures`);
  return { text: whole.slice(0, split + 1), signatures: lines.map(parseSignatureLine) };
}

function decodeUtf8(bytes: Uint8Array): string {
  if (bytes.length > MAX_NOTE_LENGTH) throw new NoteError("note too long");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new NoteError("note is not UTF-8", { cause });
  }
}

/** Whether a note may hold this: well-formed Unicode, and no control character below U+0020 but the newline. */
function isNoteText(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x20 && unit !== 0x0a) return false;
  }
  return text.isWellFormed();
}

const SIGNATURE_LINE = /^\u2014 ([^ ]+) ([^ ]+)$/u;

function parseSignatureLine(line: string): NoteSignature {
  const [, name = "", base64 = ""] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = decodeBase64(base64);
  if (!isKeyName(name) || bytes === undefined || bytes.length <= KEY_ID_LENGTH) {
    throw new NoteError("malformed signature line");
  }
  return { name, keyId: bytes.slice(0, KEY_ID_LENGTH), signature: bytes.slice(KEY_ID_LENGTH) };
}

/** Whether a key may be called so: not empty, no Unicode white space, no plus sign (C2SP signed-note). */
export function isKeyName(name: string): boolean {
  return name !== "" && isNoteText(name) && !/[\s\u0085+]/u.test(name);
}

/**
 * The whole note as text (C2SP signed-note); the inverse of {@link parseSignedNote}.
 *
 * @throws RangeError when the result would be no note
 */
export function formatSignedNote({ text, signatures }: SignedNote): string {
  if (!isNoteText(text) || !text.endsWith("\n")) throw new RangeError("no text for a note");
  if (signatures.length === 0 || signatures.length > MAX_SIGNATURES) {
    throw new RangeError(`note with ${signatures.length} signatures`);
  }
  return `${text}\n${signatures.map(formatSignatureLine).join("")}`;
}

function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  if (!isKeyName(name) || keyId.length !== KEY_ID_LENGTH || signature.length === 0) {
    throw new RangeError("no key name, key ID or signature for a note");
  }
  return `\u2014 ${name} ${encodeBase64(Buffer.concat([keyId, signature]))}\n`;
}

/**
 * Verifies every signature that one of the verifiers knows. Signatures of others are ignored, as C2SP signed-note asks.
 *
 * @returns the verified signatures, in the note's order; at least one
 * @throws NoteError when a known signature is wrong, or none is known
 */
export function verifySignedNote(note: SignedNote, verifiers: readonly NoteVerifier[]): readonly NoteSignature[] {
  const verified = note.signatures.filter((line) => {
    const known = verifiers.filter(({ name, keyId }) => name === line.name && Buffer.compare(keyId, line.keyId) === 0);
    // Key IDs are short, so two keys may share one: the signature counts if either of them made it.
    if (known.length > 0 && !known.some((verifier) => verifier.verify(note.text, line.signature))) {
      throw new NoteError(`wrong signature by ${line.name}`);
    }
    return known.length > 0;
  });
  if (verified.length === 0) throw new NoteError("no signature by a known key");
  return verified;
}
