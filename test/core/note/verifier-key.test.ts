import { generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { NoteError } from "../../../src/core/note/note-error.ts";
import { formatSignedNote, parseSignedNote, verifySignedNote } from "../../../src/core/note/signed-note.ts";
import {
  ed25519KeyOfSpki,
  encodeVerifierKey,
  makeEd25519Verifier,
  noteKeyId,
  parseVerifierKey,
  SIGNATURE_TYPE,
  type VerifierKey,
} from "../../../src/core/note/verifier-key.ts";
import { fromHex, readVector, toHex } from "../../support/vectors.ts";

const vector = readVector("valid/checkpoint.json") as { witnessKey: string };
/** Key and note of the documentation of golang.org/x/mod/sumdb/note (BSD-3-Clause), made by Go. */
const GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
  "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const raw = ed25519KeyOfSpki(publicKey.export({ format: "der", type: "spki" }));
const key: VerifierKey = { name: "log.example/2026", type: SIGNATURE_TYPE.ed25519, publicKey: raw };

describe("verifier key", () => {
  it.each([
    [GO_KEY, "PeterNeumann", SIGNATURE_TYPE.ed25519],
    [vector.witnessKey, "witness.example/w1", SIGNATURE_TYPE.cosignature],
  ])("%s is read and written back", (text, name, type) => {
    const parsed = parseVerifierKey(text);
    expect(parsed).toMatchObject({ name, type });
    expect(encodeVerifierKey(parsed)).toBe(text);
  });

  it("is read as it was written", () => {
    const types = fc.constantFrom(SIGNATURE_TYPE.ed25519, SIGNATURE_TYPE.cosignature);
    fc.assert(
      fc.property(types, fc.uint8Array({ minLength: 32, maxLength: 32 }), (type, bytes) => {
        const any = { name: "example.com/log", type, publicKey: bytes };
        expect(parseVerifierKey(encodeVerifierKey(any))).toEqual(any);
      }),
      { seed: 20261122 },
    );
  });

  it.each([
    ["nothing", ""],
    ["no key", "PeterNeumann+c74f20a3"],
    ["the key ID of another", GO_KEY.replace("c74f20a3", "c74f20a4")],
    ["another name", GO_KEY.replace("Peter", "Petra")],
    ["another type", GO_KEY.replace("+ARpc", "+BRpc")],
    ["an upper-case key ID", GO_KEY.replace("c74f20a3", "C74F20A3")],
    ["a key cut short", GO_KEY.slice(0, -4)],
    ["a key too long", `${GO_KEY}AAAA`],
    ["a newline", `${GO_KEY}\n`],
    ["a space in its name", GO_KEY.replace("PeterNeumann", "Peter Neumann")],
    ["a signer key's prefix", `PRIVATE+KEY+${GO_KEY}`],
  ])("is refused with %s", (_, text) => {
    expect(() => parseVerifierKey(text)).toThrow(NoteError);
  });

  it.each([
    ["a bad name", { ...key, name: "a b" }],
    ["a short key", { ...key, publicKey: raw.subarray(1) }],
  ])("is not written with %s", (_, wrong) => {
    expect(() => encodeVerifierKey(wrong)).toThrow(RangeError);
  });

  it("has an ID that depends on name and type", () => {
    const ids = [noteKeyId("a", 1, raw), noteKeyId("b", 1, raw), noteKeyId("a", 4, raw)].map(toHex);
    expect(new Set(ids).size).toBe(3);
  });
});

describe("Ed25519 signature on a note", () => {
  it("made by Go verifies", () => {
    const note = parseSignedNote(GO_NOTE);
    expect(verifySignedNote(note, [makeEd25519Verifier(parseVerifierKey(GO_KEY))])).toHaveLength(1);
    const changed = { ...note, text: note.text.replace("your", "our") };
    expect(() => verifySignedNote(changed, [makeEd25519Verifier(parseVerifierKey(GO_KEY))])).toThrow(NoteError);
  });

  it("made by node:crypto verifies", () => {
    const text = "tree\n7\n";
    const signature = sign(null, Buffer.from(text), privateKey);
    const note = formatSignedNote({
      text,
      signatures: [{ name: key.name, keyId: noteKeyId(key.name, 1, raw), signature }],
    });
    expect(verifySignedNote(parseSignedNote(note), [makeEd25519Verifier(key)])).toHaveLength(1);
  });

  it.each([
    ["of 63 bytes", new Uint8Array(63)],
    ["of 65 bytes", new Uint8Array(65)],
    ["of nothing but zeros", new Uint8Array(64)],
  ])("%s is none", (_, signature) => {
    expect(makeEd25519Verifier(key).verify("text\n", signature)).toBe(false);
  });

  it("has no verifier for a witness's key", () => {
    expect(() => makeEd25519Verifier(parseVerifierKey(vector.witnessKey))).toThrow(RangeError);
  });
});

describe("bare Ed25519 key", () => {
  it("is what the SubjectPublicKeyInfo ends with", () => {
    const spki = publicKey.export({ format: "der", type: "spki" });
    expect(toHex(raw)).toBe(toHex(spki.subarray(-32)));
  });

  it.each<[string, Uint8Array]>([
    [
      "a P-256 key",
      generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "der", type: "spki" }),
    ],
    ["an X25519 key", generateKeyPairSync("x25519").publicKey.export({ format: "der", type: "spki" })],
    ["a bare key", fromHex("00".repeat(32))],
    ["a byte more", Buffer.concat([publicKey.export({ format: "der", type: "spki" }), Uint8Array.of(0)])],
    ["nothing", new Uint8Array(0)],
  ])("is not in %s", (_, spki) => {
    expect(() => ed25519KeyOfSpki(spki)).toThrow(NoteError);
  });
});
