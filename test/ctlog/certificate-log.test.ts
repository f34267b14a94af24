import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createPublicKey, verify } from "node:crypto";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import { createMemorySigner } from "../../src/adapters/signers/memory.ts";
import { encodeTbs } from "../../src/core/certificate/encode-tbs.ts";
import { lintTemplate } from "../../src/core/certificate/lint-template.ts";
import { parseLogKey } from "../../src/core/ct/log-key.ts";
import { signedTreeHeadOfNote } from "../../src/core/ct/signed-tree-head.ts";
import { decodeDataTile, decodeTileLeaf, leafInputOfTileLeaf } from "../../src/core/ct/static-entry.ts";
import { verifyInclusion } from "../../src/core/merkle/audit-path.ts";
import { parseSignedNote, verifySignedNote } from "../../src/core/note/signed-note.ts";
import { ed25519KeyOfSpki, makeEd25519Verifier, SIGNATURE_TYPE } from "../../src/core/note/verifier-key.ts";
import type { Precertificate } from "../../src/core/issuance-types.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { signPrecertificate } from "../../src/issuance/sign-certificate.ts";
import { makeStaticCtView, type StaticCtView } from "../../src/ctlog/static-ct-view.ts";
import { openCertificateLog } from "../../src/ctlog/submit-precertificate.ts";
import { makeTreeHeadCheckpointSigner } from "../../src/ctlog/tree-head-checkpoint-signer.ts";
import type { CertificateLog } from "../../src/ports/certificate-log.ts";
import type { LogManifest, LogStore } from "../../src/ports/log-store.ts";
import type { KeyService, Signer } from "../../src/ports/signer.ts";
import { makeEd25519CheckpointSigner } from "../../src/tlog/ed25519-checkpoint-signer.ts";
import { readAuditPath } from "../../src/tlog/log-reader.ts";
import { signCheckpoint } from "../../src/tlog/sign-checkpoint.ts";
import { startSequencer, type Sequencer } from "../../src/tlog/sequencer.ts";
import { makeKeyObjectSigner } from "../../src/adapters/signers/key-object-signer.ts";
import { assertLogConsistent } from "../support/assert-log-consistent.ts";
import { makeCa, makeTemplate, NOW_MS } from "../support/certificate-fixtures.ts";
import { building } from "../contracts/log-store.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import type { FakeClock } from "../fakes/fake-clock.ts";
import { makeSubmission, sha256 } from "../support/log-fixtures.ts";

const ORIGIN = "log.test/2026";
const ca = makeCa();
const caSigner = makeKeyObjectSigner(ca.issuingKey.privateKey);

const precertificate = (): Promise<Precertificate> => signPrecertificate(lintTemplate(makeTemplate(ca)), caSigner);

/** What an SCT's signature is over, written down as RFC 6962 §3.2 says it. */
function signedBytes(entry: Precertificate, timestampMs: number, extensions: Uint8Array): Buffer {
  const tbs = encodeTbs(entry.encoded, { kind: "none" });
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(timestampMs));
  const length = (count: number, value: number): Buffer => {
    const bytes = Buffer.alloc(count);
    bytes.writeUIntBE(value, 0, count);
    return bytes;
  };
  return Buffer.concat([
    Buffer.from([0, 0]),
    time,
    Buffer.from([0, 1]),
    sha256(entry.encoded.template.issuer.subjectPublicKeyInfo),
    length(3, tbs.length),
    tbs,
    length(2, extensions.length),
    extensions,
  ]);
}

describe("the embedded certificate log", () => {
  let clock: FakeClock;
  let store: LogStore;
  let manifest: LogManifest;
  let sequencer: Sequencer;
  let logSigner: Signer;
  let log: CertificateLog;
  let view: StaticCtView;
  let fatal: unknown[];
  let corrupt: unknown[];
  let checkpointSigner: Signer;

  beforeEach(async () => {
    clock = makeFakeClock(NOW_MS);
    fatal = [];
    corrupt = [];
    logSigner = createMemorySigner("ecdsa-p256-sha256");
    checkpointSigner = createMemorySigner("ed25519");
    manifest = {
      formatVersion: 1,
      origin: ORIGIN,
      logId: sha256(logSigner.publicKey),
      logPublicKey: logSigner.publicKey,
      checkpointPublicKey: checkpointSigner.publicKey,
      createdMs: NOW_MS - 1_000,
    };
    store = createMemoryLogStore({ manifest, onFatal: (error) => void fatal.push(error) });
    sequencer = await startSequencer({
      store,
      clock,
      origin: ORIGIN,
      checkpointSigners: [
        makeTreeHeadCheckpointSigner(ORIGIN, logSigner),
        makeEd25519CheckpointSigner(ORIGIN, checkpointSigner),
      ],
      onFatal: (error) => void fatal.push(error),
    });
    log = await openCertificateLog({ sequencer, store, logSigner });
    view = makeStaticCtView({ store, manifest, onCorrupt: (error) => void corrupt.push(error) });
  });

  afterEach(async () => {
    await sequencer.close();
    await store.close();
    expect(fatal).toEqual([]);
  });

  it("[CL29] gives an SCT whose signature node:crypto verifies over the RFC's bytes", async () => {
    clock.advance(20);
    const entry = await precertificate();
    const sct = await log.add(entry);
    expect(sct).toMatchObject({ timestampMs: clock.now(), leafIndex: 0 });
    expect(Buffer.from(sct.logId)).toEqual(Buffer.from(manifest.logId));
    expect(Buffer.from(sct.extensions).toString("hex")).toBe("0000050000000000");
    const key = createPublicKey({ key: Buffer.from(manifest.logPublicKey), format: "der", type: "spki" });
    expect(verify("sha256", signedBytes(entry, sct.timestampMs, sct.extensions), key, sct.signature)).toBe(true);
    expect(verify("sha256", signedBytes(entry, sct.timestampMs + 1, sct.extensions), key, sct.signature)).toBe(false);
  });

  it("has the entry under the published checkpoint before it answers", async () => {
    const entries = await Promise.all(Array.from({ length: 30 }, precertificate));
    const scts = await Promise.all(entries.map((entry) => log.add(entry)));
    const { size, root } = await assertLogConsistent(store, leafInputOfTileLeaf);
    expect(size).toBe(30);
    expect(scts.map(({ leafIndex }) => leafIndex).sort((a, b) => (a ?? 0) - (b ?? 0))).toEqual(
      Array.from({ length: 30 }, (_, index) => index),
    );
    for (const [at, sct] of scts.entries()) {
      const leafIndex = sct.leafIndex ?? -1;
      const leafHash = sha256(
        Buffer.concat([Uint8Array.of(0), signedBytes(entries[at]!, sct.timestampMs, sct.extensions)]),
      );
      const path = await readAuditPath(await store.snapshot(), leafIndex);
      verifyInclusion({ leafHash, leafIndex, treeSize: size, root }, path);
    }
  });

  it.each(["checkpoint", "log"] as const)("shows no checkpoint that is wrongly signed by the %s key", async (which) => {
    const other = { checkpoint: createMemorySigner("ed25519"), log: createMemorySigner("ecdsa-p256-sha256") }[which];
    const keys = { checkpoint: checkpointSigner, log: logSigner };
    const wrongly: Signer = { ...other, publicKey: keys[which].publicKey };
    const [head, line] = [which === "log" ? wrongly : logSigner, which === "checkpoint" ? wrongly : checkpointSigner];
    const { size, root, timestampMs } = (await store.snapshot()).checkpoint;
    const wrong = await signCheckpoint({ origin: ORIGIN, size, root, timestampMs: timestampMs + 1 }, [
      { ...makeTreeHeadCheckpointSigner(ORIGIN, head), isVerifiedAtOnce: false },
      makeEd25519CheckpointSigner(ORIGIN, line),
    ]);
    await expect(view.checkpoint()).resolves.toBeInstanceOf(Uint8Array);
    expect(await store.publish(wrong)).toBe("published");
    await expect(view.checkpoint()).rejects.toMatchObject({ code: "log_failed", reason: "LOG_CORRUPT" });
    await expect(view.checkpoint()).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
    expect(corrupt).toHaveLength(2);
  });

  it("stores the precertificate and the chain above it", async () => {
    const entry = await precertificate();
    await log.add(entry);
    const [stored] = await (await store.snapshot()).entries(0, 1);
    const { preCertificate, certificateChain } = decodeTileLeaf(stored!);
    expect(Buffer.from(preCertificate ?? [])).toEqual(Buffer.from(entry.der));
    expect(certificateChain.map((each) => Buffer.from(each))).toEqual(
      [ca.issuingDer, ca.rootDer].map((der) => Buffer.from(sha256(der))),
    );
    expect(Buffer.from((await view.issuer(sha256(ca.issuingDer))) ?? [])).toEqual(Buffer.from(ca.issuingDer));
    expect(Buffer.from((await view.issuer(sha256(ca.rootDer))) ?? [])).toEqual(Buffer.from(ca.rootDer));
    expect(await view.issuer(sha256(Buffer.from("other")))).toBeUndefined();
  });

  it("[P14] answers a precertificate that comes again with the same time and index, later or at once", async () => {
    const entry = await precertificate();
    const [first, same] = await Promise.all([log.add(entry), log.add(entry)]);
    clock.advance(1_000);
    const later = await log.add(entry);
    for (const sct of [same, later]) {
      expect(sct).toMatchObject({ timestampMs: first.timestampMs, leafIndex: 0 });
    }
    expect((await store.head()).size).toBe(1);
  });

  it("takes a precertificate signed once more for the same submission", async () => {
    const template = lintTemplate(makeTemplate(ca));
    await log.add(await signPrecertificate(template, caSigner));
    const again = await log.add(await signPrecertificate(template, caSigner));
    expect(again.leafIndex).toBe(0);
  });

  it("does not answer for another entry than the submitted one", async () => {
    const entry = await precertificate();
    await log.add(await precertificate());
    const lying: Sequencer = {
      append: () => Promise.resolve({ duplicate: true, index: 0 }),
      requireOpen: () => undefined,
      refusal: () => undefined,
      fail: () => undefined,
      close: () => Promise.resolve(),
      freeze: () => Promise.resolve(),
    };
    const confused = await openCertificateLog({ sequencer: lying, store, logSigner });
    await expect(confused.add(entry)).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
  });

  it.each(["logSigner", "checkpointSigner"] as const)(
    "is not open while the service that keeps its key is left alone: %s",
    async (which) => {
      const refusal = new MayflyError("SIGNER_CIRCUIT_OPEN", "made by a test");
      const service: KeyService = {
        requireOpen: () => {
          throw refusal;
        },
        refusal: () => refusal,
      };
      const options = { sequencer, store, logSigner, checkpointSigner: {} };
      const away = await openCertificateLog({ ...options, [which]: { ...options[which], service } });
      expect(() => {
        away.requireOpen();
      }).toThrow(refusal);
    },
  );

  it("refuses to open with another key than the log's", async () => {
    const other = createMemorySigner("ecdsa-p256-sha256");
    await expect(openCertificateLog({ sequencer, store, logSigner: other })).rejects.toMatchObject({
      reason: "LOG_WRONG_KEY",
    });
  });

  it("refuses a wrong SCT signature by a remote key", async () => {
    const wrong: Signer = {
      ...logSigner,
      location: "remote",
      sign: (message) => logSigner.sign(Buffer.concat([message, Uint8Array.of(0)])),
    };
    const remote = await openCertificateLog({ sequencer, store, logSigner: wrong });
    await expect(remote.add(await precertificate())).rejects.toMatchObject({ reason: "SCT_INVALID" });
  });

  describe("whose SCTs may carry some times only", () => {
    const endMs = NOW_MS + 1_000;
    const within = (window: { readonly startMs: number; readonly endMs: number }): Promise<CertificateLog> =>
      openCertificateLog({ sequencer, store, logSigner, during: { window, clock } });

    it.each([
      ["on its last millisecond", 999, 1],
      ["when it has just ended", 1_000, 0],
      ["long after its end", 60_000, 0],
    ])("judges an entry by the time of its batch, not by when it came: %s", async (_, waitedMs, logged) => {
      const limited = await within({ startMs: NOW_MS, endMs });
      expect(() => {
        limited.requireOpen();
      }).not.toThrow();
      const adding = limited.add(await precertificate());
      clock.advance(waitedMs);
      const [outcome] = await Promise.allSettled([adding]);
      expect(outcome).toMatchObject(
        logged === 1
          ? { status: "fulfilled", value: { timestampMs: NOW_MS + waitedMs, leafIndex: 0 } }
          : { status: "rejected", reason: { code: "log_unavailable", reason: "LOG_WINDOW" } },
      );
      expect((await store.head()).size).toBe(logged);
      expect((await store.snapshot()).checkpoint.size).toBe(logged);
    });

    it("leaves out of a batch what its time is not for, and no other entry", async () => {
      const ended = await within({ startMs: NOW_MS, endMs });
      const later = await within({ startMs: endMs, endMs: endMs + 1 });
      const entries = await Promise.all(Array.from({ length: 5 }, precertificate));
      const adding = [ended, log, ended, later, log].map((each, at) => each.add(entries[at]!));
      clock.advance(1_000);
      const refused = { status: "rejected", reason: { reason: "LOG_WINDOW" } };
      const loggedAs = (leafIndex: number): object => ({
        status: "fulfilled",
        value: { leafIndex, timestampMs: endMs },
      });
      expect(await Promise.allSettled(adding)).toMatchObject([refused, loggedAs(0), refused, loggedAs(1), loggedAs(2)]);
      expect((await assertLogConsistent(store, leafInputOfTileLeaf)).size).toBe(3);
      const stored = await (await store.snapshot()).entries(0, 3);
      const loggedDer = stored.map((entry) => Buffer.from(decodeTileLeaf(entry).preCertificate ?? []));
      expect(loggedDer).toEqual([1, 3, 4].map((at) => Buffer.from(entries[at]!.der)));
    });

    it("refuses before anything is signed when the window is not, and takes the next entry once it has begun", async () => {
      const limited = await within({ startMs: endMs, endMs: endMs + 1_000 });
      expect(() => {
        limited.requireOpen();
      }).toThrow("the log's window begins in 1000 ms");
      await expect(limited.add(await precertificate())).rejects.toMatchObject({ reason: "LOG_WINDOW" });
      clock.advance(1_000);
      expect(await limited.add(await precertificate())).toMatchObject({ leafIndex: 0, timestampMs: endMs });
    });
  });

  describe("its static-ct-api view", () => {
    it("serves the checkpoint with both signatures", async () => {
      await log.add(await precertificate());
      const note = parseSignedNote(await view.checkpoint());
      const treeHead = signedTreeHeadOfNote(note, { origin: ORIGIN, key: parseLogKey(manifest.logPublicKey) });
      expect(treeHead.size).toBe(1);
      const publicKey = ed25519KeyOfSpki(manifest.checkpointPublicKey);
      const verifier = makeEd25519Verifier({ name: ORIGIN, type: SIGNATURE_TYPE.ed25519, publicKey });
      expect(verifySignedNote(note, [verifier])).toHaveLength(1);
    });

    it("serves every width that some checkpoint implied, and nothing beyond the published one", async () => {
      const entries = await Promise.all(Array.from({ length: 40 }, precertificate));
      await Promise.all(entries.map((entry) => log.add(entry)));
      await store.append(building(Array.from({ length: 300 }, (_, at) => makeSubmission(`unpublished ${at}`))));
      const widest = await view.hashTile(0, 0, 40);
      expect(widest?.length).toBe(40 * 32);
      const data = await view.dataTile(0, 40);
      expect(decodeDataTile(data!)).toHaveLength(40);
      for (const width of [1, 17, 39]) {
        const tile = await view.hashTile(0, 0, width);
        expect(Buffer.from(tile!)).toEqual(Buffer.from(widest!.subarray(0, width * 32)));
        const part = await view.dataTile(0, width);
        expect(Buffer.from(part!)).toEqual(Buffer.from(data!.subarray(0, part!.length)));
        expect(decodeDataTile(part!)).toHaveLength(width);
      }
    });

    it.each([
      ["wider than published", 0, 0, 2],
      ["full, when it is not", 0, 0, 256],
      ["to the right of the log", 0, 1, 1],
      ["above the log", 1, 0, 1],
      ["of no width", 0, 0, 0],
      ["of negative width", 0, 0, -1],
      ["of a broken width", 0, 0, 0.5],
      ["wider than tiles are", 0, 0, 257],
      ["far away", 0, 2 ** 45, 1],
    ])("has no tile %s", async (_, level, index, width) => {
      await log.add(await precertificate());
      expect(await view.hashTile(level, index, width)).toBeUndefined();
      if (level === 0) expect(await view.dataTile(index, width)).toBeUndefined();
    });
  });
});
