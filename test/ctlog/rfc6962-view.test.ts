import { describe, expect, it } from "@jest/globals";
import { generateKeyPairSync } from "node:crypto";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import { decodeExtraData } from "../../src/core/ct/decode-extra-data.ts";
import { parseLogKey } from "../../src/core/ct/log-key.ts";
import type { SignedEntry } from "../../src/core/ct/log-entry.ts";
import { encodeEntry } from "../../src/core/ct/static-entry.ts";
import { leafHash } from "../../src/core/merkle/tree.ts";
import { makeRfc6962View, MAX_RANGE_BYTES } from "../../src/ctlog/rfc6962-view.ts";
import type { Rfc6962View } from "../../src/ctlog/rfc6962-view.ts";
import type { LogStore, StoredIssuer } from "../../src/ports/log-store.ts";
import type { Submission } from "../../src/tlog/build-batch.ts";
import { building } from "../contracts/log-store.ts";
import { makeCa, makeLoneRoot, spkiOf } from "../support/certificate-fixtures.ts";
import { checkpointOf, makeIssuer, makeSubmissions, MANIFEST, sha256 } from "../support/log-fixtures.ts";

const KEY = parseLogKey(spkiOf(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey));
const [ISSUING, ROOT] = [makeIssuer("issuing CA"), makeIssuer("root")];

/** A log whose entries are what the test says, under a checkpoint that nobody signed. */
async function viewOf(submissions: readonly Submission[], issuers: readonly StoredIssuer[] = [ISSUING, ROOT]) {
  const store: LogStore = createMemoryLogStore({ manifest: MANIFEST, onFatal: () => undefined });
  const head = submissions.length === 0 ? await store.head() : await store.append(building(submissions, issuers));
  await store.publish(checkpointOf(head));
  const view: Rfc6962View = makeRfc6962View(store, { origin: MANIFEST.origin, key: KEY });
  return { store, view };
}

/** Submissions of one kind, each of so many bytes. */
function submissionsOf(
  count: number,
  { kind = "x509_entry", length = 100, chain = [ISSUING, ROOT] } = {},
): Submission[] {
  return Array.from({ length: count }, (_, at): Submission => {
    const der = new Uint8Array(length).fill(at % 251);
    const signedEntry: SignedEntry =
      kind === "x509_entry"
        ? { kind, certificate: der }
        : { kind: "precert_entry", issuerKeyHash: new Uint8Array(32), tbsCertificate: der.subarray(0, 50) };
    return {
      submissionKey: sha256(Buffer.from(String(at))),
      issuers: chain,
      encode: () =>
        encodeEntry({
          // One time for all, and no index: entries of equal content are equal leaves.
          timestampedEntry: { timestampMs: 7, signedEntry, extensions: new Uint8Array(0) },
          ...(kind === "x509_entry" ? {} : { preCertificate: der }),
          certificateChain: chain.map(({ fingerprint }) => fingerprint),
        }),
    };
  });
}

describe("the view of RFC 6962", () => {
  describe("the roots of its entries", () => {
    const storedOf = (der: Uint8Array): StoredIssuer => ({ fingerprint: sha256(der), der });
    const rootsOf = async (...certificates: readonly Uint8Array[]): Promise<readonly string[]> => {
      const { view } = await viewOf(submissionsOf(1), [...certificates].map(storedOf));
      return (await view.roots()).map((der) => Buffer.from(der).toString("hex")).sort();
    };
    const hexOf = (...certificates: readonly Uint8Array[]): readonly string[] =>
      certificates.map((der) => Buffer.from(der).toString("hex")).sort();

    it("are those that every CA's chain ended with, whatever else is stored", async () => {
      const [one, two] = [makeCa(), makeCa()];
      const lone = makeLoneRoot("ecdsa-p256", "ecdsa-p256-sha256");
      expect(await rootsOf(one.issuingDer, one.rootDer, two.rootDer, two.issuingDer, lone.rootDer)).toEqual(
        hexOf(one.rootDer, two.rootDer, lone.rootDer),
      );
    });

    it("are no certificates that only name themselves as their issuer", async () => {
      const { rootDer } = makeCa();
      const forged = Uint8Array.from(rootDer);
      forged[forged.length - 1]! ^= 1;
      expect(await rootsOf(rootDer, forged)).toEqual(hexOf(rootDer));
    });

    it("are none of an empty log, and come with the first entry of each CA", async () => {
      const { store, view } = await viewOf([], []);
      expect(await view.roots()).toEqual([]);
      const [one, two] = [makeCa(), makeCa()];
      for (const [at, { rootDer }] of [one, two].entries()) {
        const batch = building(makeSubmissions(`of CA ${at}`, 1), [storedOf(rootDer)]);
        await store.publish(checkpointOf(await store.append(batch)));
        expect(await view.roots()).toHaveLength(at + 1);
      }
    });

    it("cannot be told where what is stored is no certificate", async () => {
      const { view } = await viewOf(submissionsOf(1));
      await expect(view.roots()).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
    });
  });

  it.each(["x509_entry", "precert_entry"] as const)("has the chain of each %s", async (kind) => {
    const { view } = await viewOf([...submissionsOf(2, { kind })]);
    const { entries, isFinal } = await view.entries(0, 1);
    expect(entries).toHaveLength(2);
    expect(isFinal).toBe(true);
    for (const { extraData } of entries) {
      const { chain, preCertificate } = decodeExtraData(kind, extraData);
      expect(chain).toEqual([ISSUING.der, ROOT.der].map((der) => new Uint8Array(der)));
      expect(preCertificate === undefined).toBe(kind === "x509_entry");
    }
  });

  it("ends a range of large entries with the one that brings it over the limit, and answers the rest to whoever asks on", async () => {
    const length = 64 * 1024;
    const { view } = await viewOf(submissionsOf(256, { length }));
    let start = 0;
    const answers: number[] = [];
    while (start < 256) {
      const { entries, isFinal } = await view.entries(start, 255);
      expect(isFinal).toBe(true);
      answers.push(entries.length);
      start += entries.length;
    }
    expect(start).toBe(256);
    for (const count of answers.slice(0, -1)) expect(count).toBe(Math.ceil(MAX_RANGE_BYTES / (length + 150)));
  });

  it("answers one entry, however large", async () => {
    const { view } = await viewOf(submissionsOf(2, { length: MAX_RANGE_BYTES + 1 }));
    expect((await view.entries(0, 1)).entries).toHaveLength(1);
    expect((await view.entries(1, 1)).entries).toHaveLength(1);
  });

  it("finds the first of several equal leaves, in trees that have it", async () => {
    const { view } = await viewOf(submissionsOf(600));
    const { entries } = await view.entries(251 + 3, 251 + 3);
    const { leafIndex } = await view.proofByHash(leafHash(entries[0]!.leafInput), 600);
    expect(leafIndex).toBe(3);
    await expect(view.proofByHash(leafHash(entries[0]!.leafInput), 3)).rejects.toMatchObject({
      reason: "NO_SUCH_ENTRY",
    });
  });

  it("has nothing in the empty log but the consistency of nothing with nothing", async () => {
    const { view } = await viewOf([]);
    expect(await view.consistency(0, 0)).toEqual([]);
    await expect(view.entries(0, 0)).rejects.toMatchObject({ reason: "NOT_PUBLISHED" });
    await expect(view.consistency(0, 1)).rejects.toMatchObject({ reason: "NOT_PUBLISHED" });
    await expect(view.entryAndProof(0, 1)).rejects.toMatchObject({ reason: "NOT_PUBLISHED" });
    await expect(view.proofByHash(new Uint8Array(32), 1)).rejects.toMatchObject({ reason: "NO_SUCH_ENTRY" });
  });

  it("gives no tree head that the log's key did not sign", async () => {
    const { view } = await viewOf(submissionsOf(1));
    await expect(view.treeHead()).rejects.toMatchObject({ code: "log_failed", reason: "LOG_CORRUPT" });
  });

  it("gives no entry that cannot be read", async () => {
    const { view } = await viewOf(makeSubmissions("no TileLeaf", 3));
    await expect(view.entries(0, 2)).rejects.toMatchObject({ code: "log_failed", reason: "LOG_CORRUPT" });
    await expect(view.entryAndProof(1, 3)).rejects.toMatchObject({ code: "log_failed", reason: "LOG_CORRUPT" });
  });

  it("gives no entry without its whole chain", async () => {
    const { view } = await viewOf(submissionsOf(3), [ISSUING]);
    await expect(view.entries(0, 2)).rejects.toMatchObject({ code: "log_failed", reason: "LOG_CORRUPT" });
  });

  it("gives no range from which entries are missing", async () => {
    const { store } = await viewOf(submissionsOf(3));
    const snapshot = await store.snapshot();
    const holed: LogStore = Object.assign(Object.create(store) as LogStore, {
      snapshot: () => Promise.resolve({ ...snapshot, entries: () => Promise.resolve([]) }),
    });
    const view = makeRfc6962View(holed, { origin: MANIFEST.origin, key: KEY });
    await expect(view.entries(0, 2)).rejects.toMatchObject({ code: "log_failed", reason: "LOG_CORRUPT" });
  });

  it("is not there while nothing is published", async () => {
    const store = createMemoryLogStore({ manifest: MANIFEST, onFatal: () => undefined });
    const view = makeRfc6962View(store, { origin: MANIFEST.origin, key: KEY });
    for (const read of [view.treeHead(), view.entries(0, 0), view.consistency(0, 0), view.entryAndProof(0, 1)]) {
      await expect(read).rejects.toMatchObject({ code: "log_unavailable" });
    }
  });
});
