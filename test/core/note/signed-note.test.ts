import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { NoteError } from "../../../src/core/note/note-error.ts";
import {
  formatSignedNote,
  isKeyName,
  parseSignedNote,
  verifySignedNote,
  type NoteSignature,
  type NoteVerifier,
} from "../../../src/core/note/signed-note.ts";
import { fromHex, readVector, toHex } from "../../support/vectors.ts";

const SEED = { seed: 20261122 };
const vector = readVector("valid/checkpoint.json") as { note: string };
const sunlight = readVector("valid/sunlight-checkpoint.json") as { checkpoint: { note: string } };
const LINE = "\u2014 key AQIDBAU=\n";

function lines(count: number): string {
  return LINE.repeat(count);
}

describe("signed note", () => {
  it.each([
    ["a checkpoint with a witness", vector.note, 2],
    ["Sunlight's checkpoint", sunlight.checkpoint.note, 1],
    ["a text with empty lines", `a\n\n\nb\n\n${LINE}`, 1],
    ["a text that is one empty line", `\n\n${LINE}`, 1],
    ["a text that looks like a signature", `${LINE}\n${LINE}`, 1],
    ["64 signatures", `text\n\n${lines(64)}`, 64],
    ["non-ASCII text and names", "t\u00e4xt \ud83d\ude00\n\n\u2014 k\u00e9y AQIDBAU=\n", 1],
  ])("with %s is read and written back", (_, note, signatures) => {
    const parsed = parseSignedNote(note);
    expect(parsed.signatures).toHaveLength(signatures);
    expect(formatSignedNote(parsed)).toBe(note);
    expect(parseSignedNote(new TextEncoder().encode(note))).toEqual(parsed);
  });

  it("splits key ID and signature", () => {
    const [line] = parseSignedNote(`text\n\n${LINE}`).signatures;
    expect(line?.name).toBe("key");
    expect(toHex(line!.keyId)).toBe("01020304");
    expect(toHex(line!.signature)).toBe("05");
  });

  it.each([
    ["nothing", ""],
    ["no signature", "text\n"],
    ["no signature after the empty line", "text\n\n"],
    ["no empty line", `text\n${LINE}`],
    ["no text", LINE],
    ["no final newline", `text\n\n${LINE}`.slice(0, -1)],
    ["65 signatures", `text\n\n${lines(65)}`],
    ["a line that is no signature", `text\n\n${LINE}junk\n`],
    ["a hyphen for a dash", `text\n\n- key AQIDBAU=\n`],
    ["two spaces", `text\n\n\u2014  key AQIDBAU=\n`],
    ["a third field", `text\n\n\u2014 key AQIDBAU= x\n`],
    ["no key name", `text\n\n\u2014  AQIDBAU=\n`],
    ["a plus sign in a key name", `text\n\n\u2014 a+b AQIDBAU=\n`],
    ["a no-break space in a key name", `text\n\n\u2014 a\u00a0b AQIDBAU=\n`],
    ["a key ID without signature", `text\n\n\u2014 key AQIDBA==\n`],
    ["half a key ID", `text\n\n\u2014 key AQI=\n`],
    ["base64 without padding", `text\n\n\u2014 key AQIDBAU\n`],
    ["base64 with stray bits", `text\n\n\u2014 key AQIDBAV=\n`],
    ["URL-safe base64", `text\n\n\u2014 key -_-_BAU=\n`],
    ["a carriage return", `text\r\n\n${LINE}`],
    ["a tab", `te\txt\n\n${LINE}`],
    ["a NUL", `te\0xt\n\n${LINE}`],
    ["an escape in a key name", `text\n\n\u2014 k\u001bey AQIDBAU=\n`],
    ["half a surrogate pair", `te\ud83dxt\n\n${LINE}`],
    ["a million characters", `${"x".repeat(1_000_000)}\n\n${LINE}`],
  ])("with %s is refused", (_, note) => {
    expect(() => parseSignedNote(note)).toThrow(NoteError);
  });

  it.each([
    ["a stray continuation byte", "746578740a80"],
    ["an overlong newline", "74657874c08a"],
    ["an encoded surrogate", "eda080"],
    ["a sequence cut short", "f09f98"],
  ])("with %s is refused: not UTF-8", (_, hex) => {
    expect(() => parseSignedNote(Buffer.concat([fromHex(hex), Buffer.from(`text\n\n${LINE}`)]))).toThrow(NoteError);
  });

  it("of too many bytes is refused before it is decoded", () => {
    expect(() => parseSignedNote(new Uint8Array(1_000_001))).toThrow(NoteError);
  });

  it("keeps a byte order mark: it is part of what was signed", () => {
    const note = `\ufefftext\n\n${LINE}`;
    expect(parseSignedNote(new TextEncoder().encode(note)).text).toBe("\ufefftext\n");
  });

  const signature = { name: "key", keyId: fromHex("01020304"), signature: fromHex("05") };
  it.each<[string, string, NoteSignature[]]>([
    ["a text without final newline", "text", [signature]],
    ["no text", "", [signature]],
    ["a control character", "te\rxt\n", [signature]],
    ["no signature", "text\n", []],
    ["65 signatures", "text\n", Array.from({ length: 65 }, () => signature)],
    ["a key name with a space", "text\n", [{ ...signature, name: "a b" }]],
    ["a key name with a newline", "text\n", [{ ...signature, name: "a\nb" }]],
    ["an empty key name", "text\n", [{ ...signature, name: "" }]],
    ["a short key ID", "text\n", [{ ...signature, keyId: fromHex("010203") }]],
    ["an empty signature", "text\n", [{ ...signature, signature: new Uint8Array(0) }]],
  ])("is not written with %s", (_, text, signatures) => {
    expect(() => formatSignedNote({ text, signatures })).toThrow(RangeError);
  });

  it("is read as it was written", () => {
    const name = fc.string({ minLength: 1, unit: "grapheme" }).filter(isKeyName);
    const keyId = fc.uint8Array({ minLength: 4, maxLength: 4 });
    const signatureLine = fc.record({ name, keyId, signature: fc.uint8Array({ minLength: 1, maxLength: 80 }) });
    const text = fc
      .array(fc.string({ unit: fc.constantFrom("a", " ", "\n", "\u2014", "\u00e9") }))
      .map((all) => `${all.join("")}\n`);
    fc.assert(
      fc.property(text, fc.array(signatureLine, { minLength: 1, maxLength: 5 }), (any, signatures) => {
        expect(parseSignedNote(formatSignedNote({ text: any, signatures }))).toEqual({ text: any, signatures });
      }),
      SEED,
    );
  });
});

describe("verification of a note", () => {
  const text = "text\n";
  const line = (name: string, keyId: string, good: boolean): NoteSignature => ({
    name,
    keyId: fromHex(keyId),
    signature: Uint8Array.of(good ? 1 : 0),
  });
  const verifier = (name: string, keyId: string, answer?: boolean): NoteVerifier => ({
    name,
    keyId: fromHex(keyId),
    verify: (verified, signature) => verified === text && (answer ?? signature[0] === 1),
  });
  const known = verifier("log", "00000001");

  it("returns the known signatures and ignores the others", () => {
    const signatures = [
      line("other", "00000009", false),
      line("log", "00000001", true),
      line("log", "00000002", false),
    ];
    expect(verifySignedNote({ text, signatures }, [known])).toEqual([signatures[1]]);
  });

  it("takes a signature that either of two keys with one ID made", () => {
    const signatures = [line("log", "00000001", true)];
    expect(verifySignedNote({ text, signatures }, [verifier("log", "00000001", false), known])).toEqual(signatures);
  });

  it.each<[string, NoteSignature[], NoteVerifier[]]>([
    ["no signature", [], [known]],
    ["no verifier", [line("log", "00000001", true)], []],
    ["only unknown names", [line("other", "00000001", true)], [known]],
    ["only unknown key IDs", [line("log", "00000002", true)], [known]],
    ["a wrong signature", [line("log", "00000001", false)], [known]],
    ["a wrong signature after a good one", [line("log", "00000001", true), line("log", "00000001", false)], [known]],
    [
      "a wrong signature of one of two known keys",
      [line("log", "00000001", true), line("witness", "00000002", false)],
      [known, verifier("witness", "00000002")],
    ],
  ])("fails with %s", (_, signatures, verifiers) => {
    expect(() => verifySignedNote({ text, signatures }, verifiers)).toThrow(NoteError);
  });
});
