import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { encodeCtExtensions } from "../../../src/core/ct/ct-extensions.ts";
import { parseLogKey } from "../../../src/core/ct/log-key.ts";
import {
  decodeTreeHeadNoteSignature,
  decodeTreeHeadSignature,
  encodeTreeHeadNoteSignature,
  encodeTreeHeadSignature,
  isSignedTreeHead,
  noteOfSignedTreeHead,
  signedTreeHeadOfNote,
  treeHeadKeyId,
  treeHeadSigningInput,
  type LogIdentity,
  type SignedTreeHead,
} from "../../../src/core/ct/signed-tree-head.ts";
import { PresentationError } from "../../../src/core/encoding/tls-presentation.ts";
import { leafHash, merkleTreeHash } from "../../../src/core/merkle/tree.ts";
import { NoteError } from "../../../src/core/note/note-error.ts";
import { formatSignedNote, parseSignedNote, type SignedNote } from "../../../src/core/note/signed-note.ts";
import { flipBit, fromBase64, fromHex, readVector, toHex } from "../../support/vectors.ts";

const vector = readVector("valid/checkpoint.json") as Record<string, string> & { size: number; timestampMs: number };
const entry = readVector("valid/static-ct-entry.json") as Record<string, string>;
const sunlight = readVector("valid/sunlight-checkpoint.json") as {
  signedTreeHead: Record<string, string> & { timestamp: number; tree_size: number };
  checkpoint: Record<string, string> & { timestamp: number };
};

const log: LogIdentity = { origin: vector["origin"]!, key: parseLogKey(fromHex(entry["logPublicKey"]!)) };
const note = parseSignedNote(vector["note"]!);
const treeHead = { size: vector.size, root: fromHex(vector["root"]!), timestampMs: vector.timestampMs };

describe("tree head", () => {
  it("is signed over the bytes of the vector", () => {
    expect(toHex(treeHeadSigningInput(treeHead))).toBe(vector["signingInput"]);
    expect(treeHeadSigningInput(treeHead)).toHaveLength(50);
  });

  it("is over the two entries of its log", () => {
    const second = `${entry["merkleTreeLeaf"]!.slice(0, -16)}${toHex(encodeCtExtensions(1))}`;
    const leaves = [entry["merkleTreeLeaf"]!, second].map((leaf) => leafHash(fromHex(leaf)));
    expect(toHex(merkleTreeHash(leaves))).toBe(vector["root"]);
  });

  it.each([
    ["a short root", { root: new Uint8Array(31) }],
    ["a negative size", { size: -1 }],
    ["a time with a fraction", { timestampMs: 0.1 }],
  ])("is not signed with %s", (_, change) => {
    expect(() => treeHeadSigningInput({ ...treeHead, ...change })).toThrow(RangeError);
  });

  it("of a public log verifies, becomes a note and comes back", () => {
    const theirs = sunlight.signedTreeHead;
    const key = parseLogKey(fromBase64(theirs["logPublicKey"]!));
    const sth: SignedTreeHead = {
      size: theirs.tree_size,
      root: fromBase64(theirs["sha256_root_hash"]!),
      timestampMs: theirs.timestamp,
      signature: decodeTreeHeadSignature(fromBase64(theirs["tree_head_signature"]!)),
    };
    expect(toHex(key.logId)).toBe(theirs["logId"]);
    expect(toHex(treeHeadSigningInput(sth))).toBe(theirs["signingInput"]);
    expect(isSignedTreeHead(sth, key)).toBe(true);
    expect(isSignedTreeHead({ ...sth, size: sth.size + 1 }, key)).toBe(false);
    expect(toHex(encodeTreeHeadSignature(sth.signature))).toBe(toHex(fromBase64(theirs["tree_head_signature"]!)));

    const identity = { origin: theirs["origin"]!, key };
    const asNote = noteOfSignedTreeHead(sth, identity.origin, key.logId);
    expect(asNote.signatures.map(({ keyId }) => toHex(keyId))).toEqual([theirs["keyId"]]);
    expect(signedTreeHeadOfNote(parseSignedNote(formatSignedNote(asNote)), identity)).toEqual(sth);
  });

  it("of Sunlight's checkpoint verifies", () => {
    const theirs = sunlight.checkpoint;
    const key = parseLogKey(fromBase64(theirs["logPublicKey"]!));
    expect(toHex(key.logId)).toBe(toHex(fromBase64(theirs["logId"]!)));
    const head = signedTreeHeadOfNote(parseSignedNote(theirs["note"]!), { origin: theirs["origin"]!, key });
    expect(head).toMatchObject({ size: 300, timestampMs: theirs.timestamp });
  });
});

describe("tree head signature on a checkpoint", () => {
  it("verifies beside a witness's that is not asked about", () => {
    const { signature, ...head } = signedTreeHeadOfNote(note, log);
    expect(head).toEqual(treeHead);
    expect(isSignedTreeHead({ ...head, signature }, log.key)).toBe(true);
    expect(toHex(treeHeadKeyId(log.origin, log.key.logId))).toBe(vector["keyId"]);
  });

  it("turns back into the vector's note", () => {
    const written = formatSignedNote(noteOfSignedTreeHead(signedTreeHeadOfNote(note, log), log.origin, log.key.logId));
    expect(createHash("sha256").update(written).digest("hex")).toBe(vector["logNoteSha256"]);
  });

  it("gives the latest time when the log signed the checkpoint again", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const identity = { origin: "log.example", key: parseLogKey(publicKey.export({ format: "der", type: "spki" })) };
    const notes = [1000, 3000, 2000].map((timestampMs) => {
      const head = { ...treeHead, timestampMs };
      const signature = sign("sha256", treeHeadSigningInput(head), privateKey);
      return noteOfSignedTreeHead({ ...head, signature }, identity.origin, identity.key.logId);
    });
    const all = { text: notes[0]!.text, signatures: notes.flatMap(({ signatures }) => signatures) };
    expect(signedTreeHeadOfNote(all, identity).timestampMs).toBe(3000);
  });

  const [line] = note.signatures;
  const changedLine = (signature: Uint8Array): SignedNote => ({
    text: note.text,
    signatures: [{ ...line!, signature }],
  });
  it.each<[string, SignedNote]>([
    ["another size", { ...note, text: note.text.replace("\n2\n", "\n3\n") }],
    ["a text that is no checkpoint", { ...note, text: "ct.example.com/2026\n" }],
    ["an extension line", { ...note, text: `${note.text}extension\n` }],
    ["another origin line under the same key name", { ...note, text: note.text.replace("2026", "2027") }],
    ["another time", changedLine(flipBit(line!.signature, 63))],
    ["a turned bit of the signature", changedLine(flipBit(line!.signature, 500))],
    ["a signature cut short", changedLine(line!.signature.subarray(0, -1))],
    ["a signature with a byte more", changedLine(Buffer.concat([line!.signature, Uint8Array.of(0)]))],
    ["the witness's signature only", { text: note.text, signatures: note.signatures.slice(1) }],
    ["no signature", { text: note.text, signatures: [] }],
    [
      "one good and one wrong signature",
      { text: note.text, signatures: [line!, { ...line!, signature: Uint8Array.of(0) }] },
    ],
  ])("is refused with %s", (_, wrong) => {
    expect(() => signedTreeHeadOfNote(wrong, log)).toThrow(NoteError);
  });

  it("is refused when the log is called otherwise", () => {
    expect(() => signedTreeHeadOfNote(note, { ...log, origin: "ct.example.com/2027" })).toThrow(NoteError);
  });

  it("is read as it was written, and not when cut or continued", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.uint8Array({ maxLength: 80 }), (timestampMs, signature) => {
        const bytes = encodeTreeHeadNoteSignature({ timestampMs, signature });
        expect(decodeTreeHeadNoteSignature(bytes)).toEqual({ timestampMs, signature });
        expect(decodeTreeHeadSignature(bytes.subarray(8))).toEqual(signature);
        expect(() => decodeTreeHeadNoteSignature(bytes.subarray(0, -1))).toThrow(PresentationError);
        expect(() => decodeTreeHeadNoteSignature(Buffer.concat([bytes, Uint8Array.of(0)]))).toThrow(PresentationError);
        expect(() => decodeTreeHeadSignature(Buffer.concat([bytes.subarray(8), Uint8Array.of(0)]))).toThrow(
          PresentationError,
        );
      }),
      { seed: 20261122 },
    );
  });
});
