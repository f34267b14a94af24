import { describe, expect, it } from "@jest/globals";
import { X509Certificate } from "node:crypto";
import { openStaticCtSource } from "../../src/adapters/log-source/static-ct.ts";
import { MayflyError } from "../../src/core/errors.ts";
import type { LogSource } from "../../src/ports/log-source.ts";
import type { LogEntry } from "../../src/ctlog/read-entries.ts";
import { makeRemoteLog, type RemoteLog } from "../../src/ctlog/remote-log.ts";
import { verifyTrustedCheckpoint, type VerifiedCheckpoint } from "../../src/ctlog/trusted-checkpoint.ts";
import { verifyConsistencyProof, verifyInclusionProof } from "../../src/ctlog/verify-tree-proof.ts";
import { TESSERACT_FOLDER, TESSERACT_SIZE, TESSERACT_TRUST } from "../support/foreign-logs.ts";
import { sha256 } from "../support/log-fixtures.ts";
import { makeMemorySource, type MemorySource } from "../support/memory-source.ts";
import { makeTiledLog, TILED_ORIGIN } from "../support/tiled-log.ts";
import { flipBit, toHex } from "../support/vectors.ts";

const SIZE = 600;
const log = makeTiledLog(SIZE);
const trust = { origin: TILED_ORIGIN, logKey: log.logKey, checkpointKey: log.checkpointKey };

async function open(size = SIZE): Promise<{ source: MemorySource; remote: RemoteLog; checkpoint: VerifiedCheckpoint }> {
  const source = makeMemorySource(log, size);
  const remote = makeRemoteLog(source, trust);
  return { source, remote, checkpoint: await remote.checkpoint() };
}

async function all(entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const list: LogEntry[] = [];
  for await (const entry of entries) list.push(entry);
  return list;
}

const invalid = (reason: string): unknown => expect.objectContaining({ code: "log_failed", reason });

describe("a log of TesseraCT's", () => {
  it("is read whole, and everything in it is what its checkpoint says", async () => {
    const remote = makeRemoteLog(await openStaticCtSource(TESSERACT_FOLDER), TESSERACT_TRUST);
    const checkpoint = await remote.checkpoint();
    expect(checkpoint).toMatchObject({ origin: TESSERACT_TRUST.origin, size: TESSERACT_SIZE, cosignatures: [] });
    const entries = await all(remote.entries(checkpoint));
    expect(entries.map(({ index }) => index)).toEqual(Array.from({ length: TESSERACT_SIZE }, (_, at) => at));
    expect(new Set(entries.map(({ signedEntry }) => signedEntry.kind))).toEqual(
      new Set(["x509_entry", "precert_entry"]),
    );
    for (const { index, leafHash, signedEntry, preCertificate, certificateChain } of entries) {
      const path = await remote.inclusionProof(checkpoint, index);
      verifyInclusionProof({ leafHash, leafIndex: index, treeSize: checkpoint.size, root: checkpoint.root }, path);
      const der = signedEntry.kind === "x509_entry" ? signedEntry.certificate : preCertificate!;
      const issuer = new X509Certificate(await remote.issuer(certificateChain[0]!));
      expect(new X509Certificate(der).verify(issuer.publicKey)).toBe(true);
    }
    await remote.close();
  });
});

describe("a log of TesseraCT's that is verified whole", () => {
  const open = async (change: (path: string, bytes: Uint8Array) => Uint8Array = (_, bytes) => bytes) => {
    const source = await openStaticCtSource(TESSERACT_FOLDER);
    const changed: LogSource = {
      ...source,
      location: "changed",
      checkpoint: async () => change("checkpoint", await source.checkpoint()),
      tile: async (level, index, width) => change(`tile ${level}/${index}`, (await source.tile(level, index, width))!),
      entries: async (start, end, size) =>
        (await source.entries(start, end, size)).map((entry, at) => change(`entry ${start + at}`, entry)),
      issuer: (fingerprint) => source.issuer(fingerprint),
      close: () => source.close(),
    };
    return makeRemoteLog(changed, TESSERACT_TRUST);
  };

  it("is good, and says how far it is", async () => {
    const seen: number[] = [];
    const remote = await open();
    const found = await remote.verify({ onProgress: (entries, of) => seen.push(entries, of) });
    expect(found).toMatchObject({ isGood: true, entries: TESSERACT_SIZE, problems: [], problemCount: 0 });
    expect(found.tiles).toBe(3);
    expect(found.checkpoint?.size).toBe(TESSERACT_SIZE);
    expect(seen.slice(-2)).toEqual([TESSERACT_SIZE, TESSERACT_SIZE]);
  });

  it("is not good when somebody ends it early", async () => {
    const remote = await open();
    const found = await remote.verify({ signal: AbortSignal.abort() });
    expect(found).toMatchObject({ isGood: false, entries: 256, problemCount: 0 });
  });

  const otherSize = (bytes: Uint8Array): Uint8Array =>
    Buffer.from(Buffer.from(bytes).toString().replace("\n280\n", "\n281\n"));
  it.each<[string, string, RegExp, (bytes: Uint8Array) => Uint8Array]>([
    // Another time makes another leaf: what is named is the tile that it does not fit to.
    ["a time", "entry 5", /^tile 0\/0$/u, (bytes) => flipBit(bytes, 63)],
    [
      "the end of a chain's last fingerprint",
      "entry 270",
      /^issuer [0-9a-f]{64}$/u,
      (bytes) => flipBit(bytes, 8 * bytes.length - 1),
    ],
    ["a hash of level 0", "tile 0/1", /^tile 0\/1$/u, (bytes) => flipBit(bytes, 0)],
    ["a hash of level 1", "tile 1/0", /^tile 1\/0$/u, (bytes) => flipBit(bytes, 0)],
    ["the checkpoint's size", "checkpoint", /^checkpoint$/u, otherSize],
  ])("is not good with another bit in %s, and says where", async (_, place, named, change) => {
    const remote = await open((path, bytes) => (path === place ? change(bytes) : bytes));
    const { isGood, problems, problemCount } = await remote.verify();
    expect(isGood).toBe(false);
    expect(problems.map(({ where }) => where).filter((where) => named.test(where)).length).toBeGreaterThan(0);
    expect(problemCount).toBe(problems.length);
  });

  it("says nothing about a log that does not answer", async () => {
    const source = await openStaticCtSource(TESSERACT_FOLDER);
    const away = (): Promise<never> => Promise.reject(new MayflyError("SOURCE_UNAVAILABLE", "away"));
    const remote = makeRemoteLog({ ...source, location: "away", checkpoint: away }, TESSERACT_TRUST);
    await expect(remote.verify()).rejects.toThrow(invalid("SOURCE_UNAVAILABLE"));
  });
});

describe("somebody else's log", () => {
  it("gives any range of entries, each as it was logged", async () => {
    const { source, remote, checkpoint } = await open();
    for (const [start, end] of [
      [0, SIZE],
      [0, 0],
      [SIZE, SIZE],
      [255, 257],
      [300, 301],
      [512, SIZE],
    ] as const) {
      const entries = await all(remote.entries(checkpoint, { start, end }));
      expect(entries.map((entry) => toHex(entry.leafHash))).toEqual(log.leafHashes.slice(start, end).map(toHex));
      expect(entries.map(({ index }) => index)).toEqual(Array.from({ length: end - start }, (_, at) => start + at));
    }
    source.pageSize = 7;
    expect(await all(remote.entries(checkpoint))).toHaveLength(SIZE);
    expect(await all(remote.unverifiedEntries(checkpoint, { start: 3 }))).toHaveLength(SIZE - 3);
    for (const range of [{ start: -1 }, { start: 5, end: 4 }, { end: SIZE + 1 }, { start: 0.5 }]) {
      await expect(all(remote.entries(checkpoint, range))).rejects.toThrow(RangeError);
      await expect(all(remote.unverifiedEntries(checkpoint, range))).rejects.toThrow(RangeError);
    }
  });

  it("is not asked for more once nobody listens", async () => {
    const { source, remote, checkpoint } = await open();
    for await (const { index } of remote.entries(checkpoint)) if (index === 0) break;
    expect(source.asked.filter((question) => question.startsWith("entries"))).toHaveLength(3);
  });

  it("proves that it only grew", async () => {
    const { remote, checkpoint } = await open();
    for (const size of [1, 2, 255, 256, 257, 599, 600]) {
      const { checkpoint: earlier } = await open(size);
      verifyConsistencyProof(earlier, checkpoint, await remote.consistencyProof(earlier, checkpoint));
    }
  });

  it("is caught when it signed two histories, or one that shrank", async () => {
    const { remote, checkpoint } = await open();
    const forked = verifyTrustedCheckpoint(
      Buffer.from(log.signNote({ size: 300, root: sha256(Buffer.from("fork")), timestampMs: 1 })),
      trust,
    );
    const { checkpoint: empty } = await open(0);
    const { checkpoint: earlier } = await open(300);
    for (const [first, second] of [
      [forked, checkpoint],
      [checkpoint, earlier],
      [empty, checkpoint],
    ] as const) {
      await expect(remote.consistencyProof(first, second)).rejects.toThrow(invalid("LOG_PROOF_INVALID"));
    }
  });

  it.each<[string, number, (bytes: Uint8Array) => Uint8Array]>([
    ["its time", 0, (bytes) => flipBit(bytes, 63)],
    ["its issuer's key hash", 0, (bytes) => flipBit(bytes, 8 * 10)],
    ["its TBS", 0, (bytes) => flipBit(bytes, 8 * 46)],
    ["a time in the last tile", 599, (bytes) => flipBit(bytes, 63)],
    ["a certificate", 257, (bytes) => flipBit(bytes, 8 * 14)],
  ])("gives no entry of a tile in which one has another bit in %s", async (_, index, change) => {
    const { source, remote, checkpoint } = await open();
    source.change = (question, bytes) => (question === `entry ${index}` ? change(bytes) : bytes);
    const read: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const entry of remote.entries(checkpoint)) read.push(entry.index);
    };
    await expect(reading()).rejects.toThrow(invalid("SOURCE_INVALID"));
    expect(read).toHaveLength(index - (index % 256));
    // Whoever asks for it gets it as it is.
    expect(await all(remote.unverifiedEntries(checkpoint))).toHaveLength(SIZE);
  });

  it("gives no entry that says it is another, none that cannot be read, and notices when some are missing", async () => {
    const { source, remote, checkpoint } = await open();
    const reading = (): Promise<LogEntry[]> => all(remote.entries(checkpoint));
    source.change = (question, bytes) => (question === "entry 3" ? log.entries[4]!.stored : bytes);
    await expect(reading()).rejects.toThrow(invalid("ENTRY_INVALID"));
    source.change = (question, bytes) => (question === "entry 3" ? bytes.subarray(1) : bytes);
    await expect(reading()).rejects.toThrow(invalid("ENTRY_INVALID"));
    source.change = (question, bytes) => (question.startsWith("entry 3") ? undefined : bytes);
    await expect(reading()).rejects.toThrow(MayflyError);
  });

  it("is refused when it gives more entries than were asked for", async () => {
    const { source, remote, checkpoint } = await open();
    const entries = source.entries.bind(source);
    source.entries = async (start, end, treeSize) => [...(await entries(start, end, treeSize)), new Uint8Array(1)];
    await expect(all(remote.unverifiedEntries(checkpoint))).rejects.toThrow(invalid("SOURCE_INVALID"));
  });

  it("has issuers by their fingerprints, and none under another's", async () => {
    const { source, remote } = await open();
    const [der] = log.issuers;
    expect(toHex(await remote.issuer(sha256(der!)))).toBe(toHex(der!));
    await expect(remote.issuer(new Uint8Array(32))).rejects.toThrow(invalid("SOURCE_INVALID"));
    source.change = (_, bytes) => flipBit(bytes, 3);
    await expect(remote.issuer(sha256(der!))).rejects.toThrow(invalid("SOURCE_INVALID"));
  });

  it("proves nothing without tiles, but gives its entries to whoever wants them unverified", async () => {
    const { source } = await open();
    const remote = makeRemoteLog({ ...source, tile: () => Promise.resolve(undefined) }, trust);
    const checkpoint = await remote.checkpoint();
    await expect(all(remote.entries(checkpoint))).rejects.toThrow(invalid("SOURCE_INVALID"));
    await expect(remote.inclusionProof(checkpoint, 0)).rejects.toThrow(invalid("SOURCE_INVALID"));
    expect(await all(remote.unverifiedEntries(checkpoint))).toHaveLength(SIZE);
  });

  it("opens its tiles again after it failed, and closes its source", async () => {
    const { source, remote, checkpoint } = await open();
    source.change = (question, bytes) => (question === "tile 1/0" ? flipBit(bytes, 1) : bytes);
    await expect(remote.inclusionProof(checkpoint, 0)).rejects.toThrow(invalid("SOURCE_INVALID"));
    source.change = (_, bytes) => bytes;
    expect(await remote.inclusionProof(checkpoint, 0)).toHaveLength(10);
    await remote.close();
    expect(source.closed).toBe(true);
  });
});
