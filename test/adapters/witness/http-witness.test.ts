import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { generateKeyPairSync, sign } from "node:crypto";
import { openHttpWitness } from "../../../src/adapters/witness/http-witness.ts";
import { formatCheckpoint } from "../../../src/core/note/checkpoint.ts";
import { decodeCosignature } from "../../../src/core/note/cosignature.ts";
import { formatSignedNote } from "../../../src/core/note/signed-note.ts";
import { ed25519KeyOfSpki, makeEd25519Verifier, SIGNATURE_TYPE } from "../../../src/core/note/verifier-key.ts";
import { consistencyProof } from "../../../src/core/merkle/consistency-proof.ts";
import { merkleTreeHash } from "../../../src/core/merkle/tree.ts";
import type { Witness } from "../../../src/ports/witness.ts";
import { FakeWitness, serveWitness, type ServedWitness } from "../../fakes/fake-witness.ts";
import { sha256 } from "../../support/log-fixtures.ts";

const ORIGIN = "log.test/2026";
const NOW_SECONDS = 1_767_225_600;
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const logKey = {
  name: ORIGIN,
  type: SIGNATURE_TYPE.ed25519,
  publicKey: ed25519KeyOfSpki(publicKey.export({ type: "spki", format: "der" })),
};
const logVerifier = makeEd25519Verifier(logKey);

const leaves = Array.from({ length: 20 }, (_, at) => sha256(Buffer.from(`leaf ${at}`)));
const textOf = (size: number): string =>
  formatCheckpoint({
    origin: ORIGIN,
    size,
    root: merkleTreeHash(leaves, { start: 0, end: size }),
    extensions: [],
  });
const noteOf = (size: number, key = privateKey): string => {
  const text = textOf(size);
  const signature = new Uint8Array(sign(null, Buffer.from(text), key));
  return formatSignedNote({ text, signatures: [{ name: ORIGIN, keyId: logVerifier.keyId, signature }] });
};
const shown = (oldSize: number, size: number) => ({
  oldSize,
  proof: oldSize === 0 ? [] : consistencyProof(leaves, oldSize, size),
  note: noteOf(size),
});

describe("a witness over HTTP", () => {
  let served: ServedWitness;
  let witness: Witness;

  beforeEach(async () => {
    served = await serveWitness(new FakeWitness("witness.test/w1", () => NOW_SECONDS));
    served.witness.learn(ORIGIN, [logVerifier]);
    witness = open();
  });

  afterEach(async () => {
    await witness.close();
    await served.close();
  });

  const open = (options: { key?: string; timeoutMs?: number; url?: string } = {}): Witness =>
    openHttpWitness({
      key: served.witness.key,
      url: served.url,
      timeoutMs: 5_000,
      clock: { now: () => NOW_SECONDS * 1_000 + 300 },
      ...options,
    });

  it("cosigns a first checkpoint and one that continues it, over one connection", async () => {
    for (const [oldSize, size] of [
      [0, 7],
      [7, 13],
      [13, 13],
    ] as const) {
      const answer = await witness.addCheckpoint(shown(oldSize, size));
      if (answer.result !== "cosigned") throw new Error(answer.result);
      expect(answer.timestampSeconds).toBe(NOW_SECONDS);
      expect(answer.cosignature.name).toBe("witness.test/w1");
      expect(decodeCosignature(answer.cosignature.signature).timestampSeconds).toBe(NOW_SECONDS);
      expect(witness.hasCosigned(textOf(size), answer.cosignature)).toBe(true);
      expect(witness.hasCosigned(textOf(size + 1), answer.cosignature)).toBe(false);
      expect(witness.hasCosigned(textOf(size), { ...answer.cosignature, name: "another" })).toBe(false);
    }
    expect(served.connections).toBe(1);
    expect(served.witness.seen(ORIGIN).size).toBe(13);
  });

  it("is sent the old size, the proof in base64 and the signed checkpoint", async () => {
    await witness.addCheckpoint(shown(0, 7));
    await witness.addCheckpoint(shown(7, 13));
    const hashes = consistencyProof(leaves, 7, 13).map((hash) => `${Buffer.from(hash).toString("base64")}\n`);
    expect(served.witness.requests[1]).toBe(`old 7\n${hashes.join("")}\n${noteOf(13)}`);
  });

  it("tells its own size when the old one is not it", async () => {
    await witness.addCheckpoint(shown(0, 7));
    const answer = await witness.addCheckpoint(shown(5, 13));
    expect(answer).toMatchObject({ result: "conflict", size: 7, response: { status: 409, body: "7\n" } });
  });

  it("says that a proof does not lead to the checkpoint", async () => {
    await witness.addCheckpoint(shown(0, 7));
    const answer = await witness.addCheckpoint({ ...shown(7, 13), proof: [sha256(Buffer.from("no"))] });
    expect(answer).toMatchObject({ result: "inconsistent", response: { status: 422 } });
    expect(answer.request).toContain("old 7\n");
  });

  it("does not know every log, and no other key of this one", async () => {
    const stranger = await witness.addCheckpoint({ ...shown(0, 7), note: noteOf(7).replaceAll(ORIGIN, "log.test/x") });
    expect(stranger.result).toBe("unknown-log");
    const forged = { ...shown(0, 7), note: noteOf(7, generateKeyPairSync("ed25519").privateKey) };
    expect((await witness.addCheckpoint(forged)).result).toBe("signature-refused");
  });

  it("refuses an old size beyond the checkpoint", async () => {
    expect((await witness.addCheckpoint({ oldSize: 8, proof: [], note: noteOf(7) })).result).toBe("request-refused");
  });

  it.each([
    ["500", 500, "unavailable"],
    ["502", 502, "unavailable"],
    ["503", 503, "unavailable"],
    ["429", 429, "unavailable"],
    ["408", 408, "unavailable"],
    ["401", 401, "request-refused"],
    ["405", 405, "request-refused"],
    ["a redirect", 307, "invalid"],
    ["204", 204, "invalid"],
    ["201", 201, "invalid"],
  ])("counts status %s as what it is", async (_name, status, result) => {
    served.instead = () => ({ status });
    expect((await witness.addCheckpoint(shown(0, 7))).result).toBe(result);
  });

  it.each([
    ["with another media type", { type: "text/plain", body: "7\n" }],
    ["without a media type", { body: "7\n" }],
    ["without a newline", { type: "text/x.tlog.size", body: "7" }],
    ["with a leading zero", { type: "text/x.tlog.size", body: "07\n" }],
    ["that is negative", { type: "text/x.tlog.size", body: "-7\n" }],
    ["with more behind it", { type: "text/x.tlog.size", body: "7\n8\n" }],
    ["that is no number", { type: "text/x.tlog.size", body: "seven\n" }],
    ["beyond what is exact", { type: "text/x.tlog.size", body: "9999999999999999\n" }],
    ["of no length", { type: "text/x.tlog.size", body: "" }],
  ])("gives no size for a conflict %s", async (_name, reply) => {
    served.instead = () => ({ status: 409, ...reply });
    expect(await witness.addCheckpoint(shown(0, 7))).toMatchObject({ result: "conflict", size: undefined });
  });

  it("takes the media type of a size with parameters and in any case", async () => {
    served.instead = () => ({ status: 409, type: "Text/X.tlog.size; charset=utf-8", body: "7\n" });
    expect(await witness.addCheckpoint(shown(0, 7))).toMatchObject({ result: "conflict", size: 7 });
  });

  it("may answer with the cosignatures of others, and with a newer one of its own", async () => {
    const other = new FakeWitness("witness.test/w2", () => NOW_SECONDS);
    served.instead = () => ({
      status: 200,
      body:
        other.cosign(textOf(7)) + served.witness.cosign(textOf(7), NOW_SECONDS - 9) + served.witness.cosign(textOf(7)),
    });
    const answer = await witness.addCheckpoint(shown(0, 7));
    expect(answer).toMatchObject({ result: "cosigned", timestampSeconds: NOW_SECONDS });
  });

  it.each([
    ["nothing", () => ""],
    ["no lines", () => "thank you\n"],
    ["a line without its end", () => served.witness.cosign(textOf(7)).trimEnd()],
    ["a cosignature of another checkpoint", () => served.witness.cosign(textOf(8))],
    ["only the cosignature of somebody else", () => new FakeWitness("witness.test/w1").cosign(textOf(7))],
    ["a cosignature of an hour ago", () => served.witness.cosign(textOf(7), NOW_SECONDS - 3_600)],
    ["a cosignature of tomorrow", () => served.witness.cosign(textOf(7), NOW_SECONDS + 86_400)],
    ["a cosignature without a time", () => served.witness.cosign(textOf(7), 0)],
    [
      "an empty line between cosignatures",
      () => `${served.witness.cosign(textOf(7))}\n${served.witness.cosign(textOf(7))}`,
    ],
    ["a cosignature with a bit flipped", () => flipped(served.witness.cosign(textOf(7)))],
    ["more lines than a note may have", () => served.witness.cosign(textOf(7)).repeat(70)],
    ["bytes that are no text", () => Buffer.from([0xff, 0xfe])],
  ])("is not believed when it answers with %s", async (_name, body) => {
    served.instead = () => ({ status: 200, body: body() });
    const answer = await witness.addCheckpoint(shown(0, 7));
    expect(answer).toMatchObject({ result: "invalid", response: { status: 200 } });
  });

  it("is not believed under another key of its name", async () => {
    const impostor = open({ key: new FakeWitness("witness.test/w1").key });
    expect((await impostor.addCheckpoint(shown(0, 7))).result).toBe("invalid");
    await impostor.close();
  });

  it.each(["reset", "torn"] as const)("is unavailable when its answer is %s", async (how) => {
    served.instead = () => how;
    expect(await witness.addCheckpoint(shown(0, 7))).toMatchObject({ result: "unavailable", response: undefined });
  });

  it("is unavailable when its answer does not come in time", async () => {
    served.instead = () => "hang";
    const impatient = open({ timeoutMs: 20 });
    expect((await impatient.addCheckpoint(shown(0, 7))).result).toBe("unavailable");
    await impatient.close();
  });

  it("is unavailable when it answers without end", async () => {
    served.instead = () => ({ status: 200, body: "\u2014".repeat(400_000) });
    expect((await witness.addCheckpoint(shown(0, 7))).result).toBe("unavailable");
  });

  it("is unavailable when nobody listens", async () => {
    await served.close();
    expect((await witness.addCheckpoint(shown(0, 7))).result).toBe("unavailable");
  });

  it("is asked over a new connection when the kept one was closed meanwhile", async () => {
    await witness.addCheckpoint(shown(0, 7));
    let resets = 1;
    served.instead = () => (resets-- > 0 ? "reset" : undefined);
    expect((await witness.addCheckpoint(shown(7, 13))).result).toBe("cosigned");
    expect(served.connections).toBe(2);
  });

  it("answers nobody who closed it", async () => {
    served.instead = () => "hang";
    const answer = witness.addCheckpoint(shown(0, 7));
    await witness.close();
    expect((await answer).result).toBe("unavailable");
    expect((await witness.addCheckpoint(shown(0, 7))).result).toBe("unavailable");
  });
});

/** A cosignature line with one bit of its signature changed. */
function flipped(line: string): string {
  const [dash = "", name = "", base64 = ""] = line.trimEnd().split(" ");
  const bytes = Buffer.from(base64, "base64");
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  return `${dash} ${name} ${bytes.toString("base64")}\n`;
}
