import { describe, expect, it } from "@jest/globals";
import { generateKeyPairSync, sign } from "node:crypto";
import { parseLogKey } from "../../src/core/ct/log-key.ts";
import { cosignatureMessage, encodeCosignature } from "../../src/core/note/cosignature.ts";
import { formatSignedNote, parseSignedNote } from "../../src/core/note/signed-note.ts";
import {
  ed25519KeyOfSpki,
  encodeVerifierKey,
  noteKeyId,
  SIGNATURE_TYPE,
  type VerifierKey,
} from "../../src/core/note/verifier-key.ts";
import { verifyTrustedCheckpoint, type LogTrust } from "../../src/ctlog/trusted-checkpoint.ts";
import { parseTrustedLogKey, parseTrustedVerifierKey } from "../../src/ctlog/trusted-keys.ts";
import { CREATED_MS, sha256 } from "../support/log-fixtures.ts";
import { makeTiledLogKeys, TILED_ORIGIN } from "../support/tiled-log.ts";
import { fromBase64, fromHex, readVector, toHex } from "../support/vectors.ts";

const vector = readVector("valid/checkpoint.json") as Record<string, string> & { timestampMs: number };
const entryVector = readVector("valid/static-ct-entry.json") as Record<string, string>;

describe("a checkpoint of the vectors, cosigned by a witness", () => {
  const logKey = parseLogKey(fromHex(entryVector["logPublicKey"]!));
  const witness = parseTrustedVerifierKey(vector["witnessKey"]!);
  const trust: LogTrust = { origin: vector["origin"]!, logKey, witnesses: [witness], requiredWitnesses: 1 };

  it("is verified, and says its time and the witness's", () => {
    const note = Buffer.from(vector["note"]!);
    const checkpoint = verifyTrustedCheckpoint(note, trust);
    expect(checkpoint).toMatchObject({ size: 2, timestampMs: vector.timestampMs, extensions: [] });
    expect(toHex(checkpoint.root)).toBe(vector["root"]);
    expect(checkpoint.cosignatures).toEqual([{ name: "witness.example/w1", timestampSeconds: 1_700_000_001 }]);
    expect(toHex(checkpoint.note)).toBe(toHex(note));
  });

  it("is not what it was when the note is changed afterwards", () => {
    const note = Buffer.from(vector["note"]!);
    const checkpoint = verifyTrustedCheckpoint(note, trust);
    note.fill(0);
    expect(verifyTrustedCheckpoint(checkpoint.note, trust).size).toBe(2);
  });
});

const keys = makeTiledLogKeys(TILED_ORIGIN);
const others = makeTiledLogKeys(TILED_ORIGIN);
const tree = { size: 7, root: sha256(Buffer.from("root")), timestampMs: CREATED_MS };
const both: LogTrust = { origin: TILED_ORIGIN, logKey: keys.logKey, checkpointKey: keys.checkpointKey };

function makeWitness(name: string): { key: VerifierKey; cosign(note: string, timestampSeconds: number): string } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const spki = publicKey.export({ type: "spki", format: "der" });
  const key: VerifierKey = { name, type: SIGNATURE_TYPE.cosignature, publicKey: ed25519KeyOfSpki(spki) };
  return {
    key,
    cosign: (note, timestampSeconds) => {
      const { text, signatures } = parseSignedNote(note);
      const signature = sign(null, cosignatureMessage(text, timestampSeconds), privateKey);
      const line = {
        name,
        keyId: noteKeyId(name, key.type, key.publicKey),
        signature: encodeCosignature({ timestampSeconds, signature }),
      };
      return formatSignedNote({ text, signatures: [...signatures, line] });
    },
  };
}

const [first, second] = [makeWitness("witness.test/1"), makeWitness("witness.test/2")];
const note = keys.signNote(tree);
const verify = (text: string, trust: LogTrust): unknown => verifyTrustedCheckpoint(Buffer.from(text), trust);

describe("a checkpoint", () => {
  it.each<[string, LogTrust]>([
    ["both of the log's keys", both],
    ["its P-256 key alone", { origin: TILED_ORIGIN, logKey: keys.logKey }],
    ["its Ed25519 key alone", { origin: TILED_ORIGIN, checkpointKey: keys.checkpointKey }],
  ])("is verified by %s", (_, trust) => {
    const checkpoint = verifyTrustedCheckpoint(Buffer.from(note), trust);
    expect(checkpoint.size).toBe(7);
    expect(checkpoint.timestampMs).toBe(trust.logKey === undefined ? undefined : CREATED_MS);
  });

  it("says of each witness when it saw it last", () => {
    const cosigned = first.cosign(second.cosign(first.cosign(note, 300), 200), 100);
    const checkpoint = verifyTrustedCheckpoint(Buffer.from(cosigned), {
      ...both,
      witnesses: [first.key, second.key],
      requiredWitnesses: 2,
    });
    expect(checkpoint.cosignatures).toEqual([
      { name: "witness.test/1", timestampSeconds: 300 },
      { name: "witness.test/2", timestampSeconds: 200 },
    ]);
  });

  const lines = note.split("\n");
  const signatureLines = lines.slice(4, 6);
  const witnesses = { witnesses: [first.key, second.key] };
  const sharedName = { ...others.checkpointKey };
  it.each<[string, string, LogTrust]>([
    ["is empty", "", both],
    ["has no signature", lines.slice(0, 4).join("\n"), both],
    ["is of another log", note, { ...both, origin: "log.test/other" }],
    ["lacks the P-256 key's signature", note.replace(`${signatureLines[0]!}\n`, ""), both],
    ["lacks the Ed25519 key's signature", note.replace(`${signatureLines[1]!}\n`, ""), both],
    ["is signed by another P-256 key", note, { ...both, logKey: others.logKey }],
    ["is signed by another Ed25519 key", note, { ...both, checkpointKey: sharedName }],
    ["has another size", note.replace("\n7\n", "\n8\n"), both],
    ["has another size, with one key that looks", note.replace("\n7\n", "\n8\n"), { ...both, logKey: others.logKey }],
    ["has a size with a zero before it", note.replace("\n7\n", "\n07\n"), both],
    ["has an extension line, which a tree head does not cover", note.replace("=\n\n", "=\nextension\n\n"), both],
    ["lacks a witness", first.cosign(note, 1), { ...both, ...witnesses, requiredWitnesses: 2 }],
    ["has one witness twice", first.cosign(first.cosign(note, 1), 2), { ...both, ...witnesses, requiredWitnesses: 2 }],
    [
      "has a witness that nobody named",
      first.cosign(note, 1),
      { ...both, witnesses: [second.key], requiredWitnesses: 1 },
    ],
    ["has a wrong cosignature, though none is required", wrongCosignature(), { ...both, ...witnesses }],
    ["is 2 MB long", `${"x".repeat(2_000_000)}\n`, both],
  ])("is not to be trusted when it %s", (_, text, trust) => {
    expect(() => verify(text, trust)).toThrow(
      expect.objectContaining({ code: "log_failed", reason: "CHECKPOINT_INVALID" }),
    );
  });

  function wrongCosignature(): string {
    const [line] = first
      .cosign(keys.signNote({ ...tree, size: 6 }), 1)
      .split("\n")
      .slice(6);
    return `${note}${line!}\n`;
  }

  it.each<[string, LogTrust]>([
    ["no key of the log", { origin: TILED_ORIGIN, witnesses: [first.key] }],
    ["a witness's key as the log's", { origin: TILED_ORIGIN, checkpointKey: first.key }],
    ["the log's key as a witness's", { ...both, witnesses: [keys.checkpointKey] }],
  ])("is not verified at all by %s", (_, trust) => {
    expect(() => verify(note, trust)).toThrow(TypeError);
  });
});

describe("keys from elsewhere", () => {
  const pem = `-----BEGIN PUBLIC KEY-----\n${Buffer.from(keys.logSpki).toString("base64")}\n-----END PUBLIC KEY-----\n`;
  it.each<[string, Uint8Array | string]>([
    ["DER", keys.logSpki],
    ["base64", Buffer.from(keys.logSpki).toString("base64")],
    ["base64 on a line of its own", `${Buffer.from(keys.logSpki).toString("base64")}\n`],
    ["PEM", pem],
  ])("are read as %s", (_, key) => {
    expect(toHex(parseTrustedLogKey(key).logId)).toBe(toHex(keys.logKey.logId));
  });

  it.each<[string, Uint8Array | string]>([
    ["nothing", ""],
    ["no base64", "not base64"],
    ["base64 of something else", "AAAA"],
    ["a certificate", pem.replaceAll("PUBLIC KEY", "CERTIFICATE")],
    ["two keys", `${pem}${pem}`],
    ["PEM that is cut", pem.slice(0, -10)],
    ["a verifier key", keys.vkey],
    ["an Ed25519 key", fromBase64("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=")],
  ])("are refused when they are %s", (_, key) => {
    expect(() => parseTrustedLogKey(key)).toThrow(expect.objectContaining({ reason: "LOG_WRONG_KEY" }));
  });

  it("of notes are read in their text form, and in no other", () => {
    expect(parseTrustedVerifierKey(keys.vkey)).toEqual(keys.checkpointKey);
    expect(encodeVerifierKey(parseTrustedVerifierKey(keys.vkey))).toBe(keys.vkey);
    for (const wrong of ["", "name", `${keys.vkey}x`, keys.vkey.replace("+", "+0"), pem]) {
      expect(() => parseTrustedVerifierKey(wrong)).toThrow(expect.objectContaining({ reason: "LOG_WRONG_KEY" }));
    }
  });
});
