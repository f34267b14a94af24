import { verify } from "node:crypto";
import { PresentationError, PresentationReader, PresentationWriter } from "../encoding/tls-presentation.ts";
import { HASH_LENGTH } from "../merkle/tree.ts";
import { formatCheckpoint, parseCheckpoint } from "../note/checkpoint.ts";
import { NoteError } from "../note/note-error.ts";
import { verifySignedNote, type NoteSignature, type NoteVerifier, type SignedNote } from "../note/signed-note.ts";
import { noteKeyId, SIGNATURE_TYPE } from "../note/verifier-key.ts";
import { digitallySignedLength, readDigitallySigned, writeDigitallySigned } from "./digitally-signed.ts";
import type { LogKey } from "./log-key.ts";

/*
 * RFC 6962 §3.5:
 *
 *   digitally-signed struct {
 *     Version version;
 *     SignatureType signature_type = tree_hash;
 *     uint64 timestamp;
 *     uint64 tree_size;
 *     opaque sha256_root_hash[32];
 *   } TreeHeadSignature;
 *
 * C2SP static-ct-api, what follows the key ID on a signature line of type 0x05:
 *
 *   struct {
 *     uint64 timestamp;
 *     TreeHeadSignature signature;
 *   } RFC6962NoteSignature;
 */

const V1 = 0;
const TREE_HASH = 1;

/** What a tree head signature is over (RFC 6962 §3.5). */
export interface StatedTreeHead {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  readonly timestampMs: number;
}

/** A signed tree head (RFC 6962 §3.5). */
export interface SignedTreeHead extends StatedTreeHead {
  /** DER Ecdsa-Sig-Value. */
  readonly signature: Uint8Array;
}

/** The log a tree head is of: checkpoints name it, tree head signatures do not, so no key may serve two logs. */
export interface LogIdentity {
  /** Origin line of checkpoints (C2SP static-ct-api). */
  readonly origin: string;
  readonly key: LogKey;
}

/**
 * The bytes a tree head's signature is over (RFC 6962 §3.5), 50 of them.
 *
 * @throws RangeError when a field does not fit the structure
 */
export function treeHeadSigningInput({ size, root, timestampMs }: StatedTreeHead): Uint8Array {
  if (root.length !== HASH_LENGTH) throw new RangeError("root hash of wrong length");
  const writer = new PresentationWriter(2 + 8 + 8 + HASH_LENGTH);
  return writer.u8(V1).u8(TREE_HASH).u64(timestampMs).u64(size).bytes(root).finish();
}

/**
 * TreeHeadSignature as `get-sth` answers it (RFC 6962 §4.3).
 *
 * @param signature DER Ecdsa-Sig-Value
 */
export function encodeTreeHeadSignature(signature: Uint8Array): Uint8Array {
  return writeDigitallySigned(new PresentationWriter(digitallySignedLength(signature)), signature).finish();
}

/**
 * Reads a TreeHeadSignature; the inverse of {@link encodeTreeHeadSignature}.
 *
 * @returns DER Ecdsa-Sig-Value
 * @throws PresentationError when the bytes are not exactly one, or of another algorithm
 */
export function decodeTreeHeadSignature(bytes: Uint8Array): Uint8Array {
  const reader = new PresentationReader(bytes);
  const signature = readDigitallySigned(reader);
  reader.finish();
  return signature;
}

/** The part of a tree head that its checkpoint's text does not say. */
export type TreeHeadNoteSignature = Pick<SignedTreeHead, "timestampMs" | "signature">;

/** RFC6962NoteSignature (C2SP static-ct-api): signature bytes of a note line of type 0x05, without the key ID. */
export function encodeTreeHeadNoteSignature({ timestampMs, signature }: TreeHeadNoteSignature): Uint8Array {
  const writer = new PresentationWriter(8 + digitallySignedLength(signature)).u64(timestampMs);
  return writeDigitallySigned(writer, signature).finish();
}

/**
 * Reads an RFC6962NoteSignature; the inverse of {@link encodeTreeHeadNoteSignature}.
 *
 * @throws PresentationError when the bytes are not exactly one, or of another algorithm
 */
export function decodeTreeHeadNoteSignature(bytes: Uint8Array): TreeHeadNoteSignature {
  const reader = new PresentationReader(bytes);
  const timestampMs = reader.u64();
  const signature = readDigitallySigned(reader);
  reader.finish();
  return { timestampMs, signature };
}

/** Key ID of a log's tree head signatures on notes (C2SP static-ct-api). */
export function treeHeadKeyId(origin: string, logId: Uint8Array): Uint8Array {
  return noteKeyId(origin, SIGNATURE_TYPE.treeHead, logId);
}

/** Whether the log's key signed this tree head. */
export function isSignedTreeHead(treeHead: SignedTreeHead, logKey: LogKey): boolean {
  return verify("sha256", treeHeadSigningInput(treeHead), logKey.publicKey, treeHead.signature);
}

/** Verifier of a log's tree head signatures on checkpoints, type 0x05 (C2SP static-ct-api). */
export function makeTreeHeadVerifier({ origin, key }: LogIdentity): NoteVerifier {
  return {
    name: origin,
    keyId: treeHeadKeyId(origin, key.logId),
    verify: (text, bytes) => {
      try {
        return isSignedTreeHead(treeHeadOfLine(text, bytes, origin), key);
      } catch (error) {
        if (error instanceof PresentationError || error instanceof NoteError) return false;
        throw error;
      }
    },
  };
}

/** The tree head that a checkpoint and its 0x05 line state together; the signature covers no origin and no extension. */
function treeHeadOfLine(text: string, bytes: Uint8Array, expectedOrigin: string): SignedTreeHead {
  const { origin, size, root, extensions } = parseCheckpoint(text);
  if (origin !== expectedOrigin) throw new NoteError("checkpoint of another log");
  if (extensions.length > 0) throw new NoteError("a tree head signature does not cover extension lines");
  return { size, root, ...decodeTreeHeadNoteSignature(bytes) };
}

/** A tree head as a checkpoint's signed note (C2SP static-ct-api), without asking the key again. */
export function noteOfSignedTreeHead(treeHead: SignedTreeHead, origin: string, logId: Uint8Array): SignedNote {
  const { size, root } = treeHead;
  const line: NoteSignature = {
    name: origin,
    keyId: treeHeadKeyId(origin, logId),
    signature: encodeTreeHeadNoteSignature(treeHead),
  };
  return { text: formatCheckpoint({ origin, size, root, extensions: [] }), signatures: [line] };
}

/**
 * The verified tree head inside a checkpoint; the inverse of {@link noteOfSignedTreeHead}. When the log signed the same
 * checkpoint more than once, the latest of its times is returned.
 *
 * @throws NoteError when a signature by the log is wrong or there is none
 */
export function signedTreeHeadOfNote(note: SignedNote, log: LogIdentity): SignedTreeHead {
  return verifySignedNote(note, [makeTreeHeadVerifier(log)])
    .map(({ signature }) => treeHeadOfLine(note.text, signature, log.origin))
    .reduce((latest, head) => (head.timestampMs > latest.timestampMs ? head : latest));
}
