import { createHash, createPrivateKey, sign } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { PresentationError } from "../../../src/core/encoding/tls-presentation.ts";
import {
  cosignatureMessage,
  decodeCosignature,
  encodeCosignature,
  makeCosignatureVerifier,
} from "../../../src/core/note/cosignature.ts";
import { NoteError } from "../../../src/core/note/note-error.ts";
import { parseSignedNote, verifySignedNote, type SignedNote } from "../../../src/core/note/signed-note.ts";
import { parseVerifierKey } from "../../../src/core/note/verifier-key.ts";
import { flipBit, readVector, toHex } from "../../support/vectors.ts";

const vector = readVector("valid/checkpoint.json") as Record<string, string> & { witnessTimeSeconds: number };
const note = parseSignedNote(vector["note"]!);
const verifier = makeCosignatureVerifier(parseVerifierKey(vector["witnessKey"]!));
const line = note.signatures[1]!;

describe("cosignature", () => {
  it("of the vector verifies and says its time", () => {
    const [verified] = verifySignedNote(note, [verifier]);
    expect(verified).toEqual(line);
    expect(decodeCosignature(line.signature).timestampSeconds).toBe(vector.witnessTimeSeconds);
  });

  it("is what node:crypto makes of the witness's key", () => {
    const seed = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, 1)]);
    const key = createPrivateKey({ key: seed, format: "der", type: "pkcs8" });
    const timestampSeconds = vector.witnessTimeSeconds;
    const signature = sign(null, cosignatureMessage(note.text, timestampSeconds), key);
    expect(toHex(encodeCosignature({ timestampSeconds, signature }))).toBe(toHex(line.signature));
  });

  it("signs header, time and text", () => {
    expect(Buffer.from(cosignatureMessage("log\n1\nroot\n", 17)).toString()).toBe(
      "cosignature/v1\ntime 17\nlog\n1\nroot\n",
    );
  });

  it("belongs to a log that witnesses know by the hash of its origin", () => {
    const { text } = note;
    const origin = text.slice(0, text.indexOf("\n"));
    expect(createHash("sha256").update(origin).digest("hex")).toBe(vector["originSha256"]);
  });

  const withSignature = (signature: Uint8Array): SignedNote => ({
    text: note.text,
    signatures: [{ ...line, signature }],
  });
  it.each<[string, SignedNote]>([
    ["another text", { ...note, text: note.text.replace("2026", "2027") }],
    ["another time", withSignature(flipBit(line.signature, 56))],
    ["a turned bit", withSignature(flipBit(line.signature, 100))],
    ["a time above 2^53 - 1", withSignature(Buffer.concat([new Uint8Array(8).fill(255), line.signature.subarray(8)]))],
    ["a byte less", withSignature(line.signature.subarray(0, -1))],
    ["a byte more", withSignature(Buffer.concat([line.signature, Uint8Array.of(0)]))],
    ["a plain signature without time", withSignature(line.signature.subarray(8))],
    ["the log's signature only", { text: note.text, signatures: note.signatures.slice(0, 1) }],
  ])("is refused with %s", (_, wrong) => {
    expect(() => verifySignedNote(wrong, [verifier])).toThrow(NoteError);
  });

  it("is read as it was written, and not when cut or continued", () => {
    const signatures = fc.uint8Array({ minLength: 64, maxLength: 64 });
    fc.assert(
      fc.property(fc.maxSafeNat(), signatures, (timestampSeconds, signature) => {
        const bytes = encodeCosignature({ timestampSeconds, signature });
        expect(decodeCosignature(bytes)).toEqual({ timestampSeconds, signature });
        expect(() => decodeCosignature(bytes.subarray(0, -1))).toThrow(PresentationError);
        expect(() => decodeCosignature(Buffer.concat([bytes, bytes]))).toThrow(PresentationError);
      }),
      { seed: 20261122 },
    );
  });

  it("is not made of a signature of another length", () => {
    expect(() => encodeCosignature({ timestampSeconds: 1, signature: new Uint8Array(63) })).toThrow(RangeError);
  });

  it("has no verifier for a plain Ed25519 key", () => {
    expect(() => makeCosignatureVerifier({ ...parseVerifierKey(vector["witnessKey"]!), type: 1 })).toThrow(RangeError);
  });
});
