import {
  decodeTreeHeadNoteSignature,
  decodeTreeHeadSignature,
  encodeTreeHeadNoteSignature,
  encodeTreeHeadSignature,
} from "../../src/core/ct/signed-tree-head.ts";
import { decodeCosignature, encodeCosignature } from "../../src/core/note/cosignature.ts";
import { NoteError } from "../../src/core/note/note-error.ts";
import { encodeVerifierKey, noteKeyId, parseVerifierKey, type VerifierKey } from "../../src/core/note/verifier-key.ts";
import { armouredMutationsOf } from "./mutate.ts";
import { bytesOf, seeds, text, times, type Reader } from "./reader.ts";
import { structureReader } from "./structure-reader.ts";

/** Name, type and key of a verifier key, without the key ID that binds them. */
const openKey = (seed: Uint8Array): Uint8Array => {
  const [name = "", , base64 = ""] = text(seed).split("+");
  return Buffer.concat([Buffer.from(`${name}\n`), Buffer.from(base64, "base64")]);
};

/** A verifier key whose key ID is right, whatever became of the rest. */
const closeKey = (inner: Uint8Array): Uint8Array => {
  const end = Buffer.from(inner).indexOf("\n");
  const [name, [type = 0, ...key]] = [text(inner.subarray(0, Math.max(0, end))), inner.subarray(end + 1)];
  const keyId = Buffer.from(noteKeyId(name, type, Uint8Array.from(key))).toString("hex");
  return bytesOf(`${name}+${keyId}+${Buffer.of(type, ...key).toString("base64")}`);
};

/** A structure of so many bytes behind its length. */
const digitallySigned = (size: number): Uint8Array => {
  const length = Math.min(size, 65_535);
  return Buffer.concat([Buffer.of(4, 3, length >> 8, length & 0xff), Buffer.alloc(length)]);
};

/** Readers of keys and signatures on checkpoints and tree heads. */
export const SIGNATURE_READERS: readonly Reader[] = [
  {
    name: "verifier key",
    read: (bytes) => parseVerifierKey(text(bytes)),
    refusal: NoteError,
    agrees: (bytes, read) => encodeVerifierKey(read as VerifierKey) === text(bytes),
    inputs: armouredMutationsOf(seeds("verifierKey"), openKey, closeKey),
    limit: 65_536,
    weight: 1,
    expensive: (size) => [
      bytesOf(`${"a".repeat(size)}+00000000+AQ==`),
      bytesOf(`a+00000000+AQ${"A".repeat(size)}`),
      bytesOf(`a+00000000+${"A".repeat(size)}`),
      bytesOf(times(size, "+00000000")),
      bytesOf(times(size, "a+00000000+A")),
      bytesOf(times(size, "\u2003")),
    ],
  },
  structureReader({
    name: "cosignature",
    decode: decodeCosignature,
    encode: encodeCosignature,
    seed: "cosignature",
    expensive: (size) => [Buffer.alloc(size), Buffer.alloc(size, 0xff)],
  }),
  structureReader({
    name: "tree head signature",
    decode: decodeTreeHeadSignature,
    encode: encodeTreeHeadSignature,
    seed: "treeHeadSignature",
    expensive: (size) => [Buffer.alloc(size), digitallySigned(size)],
  }),
  structureReader({
    name: "tree head signature of a note",
    decode: decodeTreeHeadNoteSignature,
    encode: encodeTreeHeadNoteSignature,
    seed: "treeHeadNoteSignature",
    expensive: (size) => [Buffer.alloc(size), Buffer.concat([Buffer.alloc(8), digitallySigned(size)])],
  }),
];
