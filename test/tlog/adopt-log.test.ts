import { beforeAll, describe, expect, it } from "@jest/globals";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import { leafInputOfTileLeaf } from "../../src/core/ct/static-entry.ts";
import { makeEntryJudge } from "../../src/ctlog/entry-judge.ts";
import type { LogSource } from "../../src/ports/log-source.ts";
import type { LogStore, PublishedCheckpoint } from "../../src/ports/log-store.ts";
import { adoptLog, type AdoptLogOptions } from "../../src/tlog/adopt-log.ts";
import { buildBatch } from "../../src/tlog/build-batch.ts";
import { assertLogConsistent } from "../support/assert-log-consistent.ts";
import { growLog, makeLogKeys, precertificates, publishHead } from "../support/growing-log.ts";

const SIZE = 600;
const keys = makeLogKeys();
let lost: LogStore;
let checkpoint: PublishedCheckpoint;
/** Roots of the log that was lost, at sizes that it had. */
const roots = new Map<number, Uint8Array>();

const newStore = (): LogStore => createMemoryLogStore({ manifest: keys.manifest, onFatal: () => undefined });

beforeAll(async () => {
  lost = newStore();
  for (const count of [1, 255, 4, 240, 100]) {
    const { size, root } = await growLog(lost, keys, count);
    roots.set(size, root);
  }
  checkpoint = (await lost.published())!;
});

/** A copy of the log that was lost, which gives at most 100 entries at a time. */
async function copyOf(store: LogStore): Promise<LogSource> {
  const snapshot = await store.snapshot();
  return {
    location: "/srv/log",
    checkpoint: () => Promise.resolve(Buffer.from(snapshot.checkpoint.note)),
    tile: (level, index) => snapshot.tile(level, index),
    entries: (start, end) => snapshot.entries(start, Math.min(start + 100, end)),
    issuer: (fingerprint) => snapshot.issuer(fingerprint),
    close: () => Promise.resolve(),
  };
}

async function adopt(change: Partial<AdoptLogOptions> = {}): Promise<LogStore> {
  const store = newStore();
  await adoptLog({
    source: await copyOf(lost),
    checkpoint,
    store,
    judge: makeEntryJudge("mayfly"),
    marks: [{ where: "head.note", size: checkpoint.size, root: checkpoint.root }],
    ...change,
  });
  return store;
}

describe("a log that is adopted", () => {
  it("is the one that was lost: entries, tiles, root, checkpoint, certificates", async () => {
    const store = await adopt();
    expect(await assertLogConsistent(store, leafInputOfTileLeaf)).toEqual(checkpoint);
    expect(await store.head()).toEqual(await lost.head());
    const [one, other] = [await store.snapshot(), await lost.snapshot()];
    expect(await one.entries(0, SIZE)).toEqual(await other.entries(0, SIZE));
  });

  it("goes on with the next index, and still knows what was submitted before", async () => {
    const store = await adopt();
    const { size } = await growLog(store, keys, 10);
    expect(size).toBe(SIZE + 10);
    await assertLogConsistent(store, leafInputOfTileLeaf);
    const [first] = await precertificates(0, 1);
    const duplicate = store.append((previous) => ({
      ...buildBatch(previous, previous.timestampMs, [first!]),
      issuers: [],
    }));
    await expect(duplicate).rejects.toMatchObject({ existing: new Map([[0, 0]]) });
  });

  it.each([[[]], [[1]], [[256, 500]], [[1, 256, 260, 500, 600]]])(
    "agrees with marks of trees that it had: %j",
    async (sizes) => {
      const marks = sizes.map((size) => ({ where: `mark of ${size}`, size, root: roots.get(size)! }));
      const store = await adopt({ marks: [...marks, { where: "audit.jsonl", size: 3 }] });
      expect((await store.head()).size).toBe(SIZE);
    },
  );

  it("may be empty", async () => {
    const empty = newStore();
    const published = await publishHead(empty, keys, keys.manifest.createdMs + 5);
    const store = newStore();
    await adoptLog({
      source: await copyOf(empty),
      checkpoint: published,
      store,
      judge: makeEntryJudge("mayfly"),
      marks: [{ where: "--at-least", size: 0 }],
    });
    expect(await store.published()).toEqual(published);
  });

  it("tells how far it has come", async () => {
    const told: number[] = [];
    await adopt({ onProgress: (entries) => told.push(entries) });
    expect(told).toEqual([256, 512, 600]);
  });
});

describe("a copy is refused", () => {
  const tooOld = (where: string, size: number): string =>
    `/srv/log has 600 entries, ${size - 600} fewer than the ${size} that ${where} knows of; the log must not go on ` +
    "without them: leave it frozen and go on with a new shard";

  it.each([
    ["head.note", 601],
    ["audit.jsonl", 1_200],
  ])("when %s knows of %i entries", async (where, size) => {
    const store = newStore();
    const marks = [
      { where: "another", size: 500 },
      { where, size },
    ];
    await expect(adopt({ store, marks })).rejects.toMatchObject({
      reason: "LOG_ROLLED_BACK",
      message: tooOld(where, size),
    });
    expect((await store.head()).size).toBe(0);
  });

  it("when nothing remembers how far the log had come", async () => {
    await expect(adopt({ marks: [] })).rejects.toMatchObject({
      reason: "LOG_ROLLED_BACK",
      message: "nothing here remembers how far the log had come, so nobody can tell whether /srv/log is old",
    });
  });

  it.each([1, 256, 260, 600])("when a mark of its first %i entries has another root", async (size) => {
    const store = newStore();
    const marks = [{ where: "head.note", size, root: new Uint8Array(32) }];
    await expect(adopt({ store, marks })).rejects.toMatchObject({
      reason: "LOG_ROLLED_BACK",
      message: `the first ${size} entries of /srv/log are others than those that head.note knows of`,
    });
    expect(await store.published()).toBeUndefined();
  });

  it("when the store is not empty", async () => {
    const store = newStore();
    await growLog(store, keys, 1, 1);
    await expect(adopt({ store })).rejects.toThrow(RangeError);
  });
});

describe("a damaged copy is refused", () => {
  const flip = (bytes: Uint8Array, at: number): Uint8Array => {
    const changed = Uint8Array.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    return changed;
  };
  const entry =
    (index: number, change: (stored: Uint8Array) => Uint8Array) =>
    (copy: LogSource): Partial<LogSource> => ({
      entries: async (start, end, size) =>
        (await copy.entries(start, end, size)).map((each, at) => (start + at === index ? change(each) : each)),
    });

  const damages: readonly (readonly [string, (copy: LogSource) => Partial<LogSource>, RegExp])[] = [
    ["an entry's time", entry(300, (stored) => flip(stored, 7)), /entry 30[01]: |do not make up the root/u],
    ["an entry's issuer", entry(17, (stored) => flip(stored, 20)), /^\/srv\/log: entry 17: /u],
    [
      "a precertificate's signature",
      entry(256, (stored) => flip(stored, stored.length - 70)),
      /^\/srv\/log: entry 256: /u,
    ],
    ["an entry's last byte", entry(599, (stored) => flip(stored, stored.length - 1)), /^\/srv\/log: /u],
    ["an entry cut short", entry(4, (stored) => stored.subarray(0, -1)), /^\/srv\/log: entry 4: /u],
    ["an entry without bytes", entry(4, () => new Uint8Array(0)), /^\/srv\/log: entry 4: /u],
    [
      "an entry twice",
      (copy) => ({
        entries: async (start, end, size) => {
          const stored = await copy.entries(start, end, size);
          return stored.map((each, at) => (start + at === 9 ? (stored[8] ?? each) : each));
        },
      }),
      /^\/srv\/log: entry 9: says that it is entry 8$/u,
    ],
    [
      "two entries exchanged",
      (copy) => ({ entries: async (...range) => (await copy.entries(...range)).toReversed() }),
      /^\/srv\/log: entry 0: says that it is entry /u,
    ],
    [
      "a missing certificate",
      () => ({ issuer: () => Promise.resolve(undefined) }),
      /issuer [0-9a-f]{64}: is missing$/u,
    ],
    [
      "another certificate",
      (copy) => ({ issuer: async (fingerprint) => flip((await copy.issuer(fingerprint))!, 50) }),
      /issuer [0-9a-f]{64}: was changed$/u,
    ],
  ];

  it.each(damages)("that has %s", async (_, damage, message) => {
    const copy = await copyOf(lost);
    const store = newStore();
    const attempt = adopt({ store, source: { ...copy, ...damage(copy) } });
    await expect(attempt).rejects.toMatchObject({ reason: "LOG_CORRUPT", message: expect.stringMatching(message) });
    expect(await store.published()).toBeUndefined();
  });

  it("whose entries are those of another log with a checkpoint of this one", async () => {
    const other = newStore();
    await growLog(other, keys, SIZE, 1);
    const store = newStore();
    await expect(
      adopt({ store, source: await copyOf(other), marks: [{ where: "audit.jsonl", size: 1 }] }),
    ).rejects.toMatchObject({
      reason: "LOG_CORRUPT",
      message: "the entries of /srv/log do not make up the root of its checkpoint",
    });
    expect(await store.published()).toBeUndefined();
  });

  it("whose checkpoint is older than its newest entry", async () => {
    const old = { ...checkpoint, timestampMs: (await lost.head()).timestampMs - 1 };
    await expect(adopt({ checkpoint: old })).rejects.toMatchObject({
      reason: "LOG_CORRUPT",
      message: "the checkpoint of /srv/log is older than an entry in it",
    });
  });

  it.each([
    ["no entries", 0],
    ["more entries than were asked for", 101],
  ])("which gives %s", async (_, count) => {
    const copy = await copyOf(lost);
    const [stored = new Uint8Array(0)] = await copy.entries(0, 1, SIZE);
    const entries = (): Promise<readonly Uint8Array[]> =>
      Promise.resolve(Array.from({ length: count * 3 }, () => stored));
    await expect(adopt({ source: { ...copy, entries } })).rejects.toMatchObject({
      reason: "SOURCE_INVALID",
      message: `/srv/log has ${count * 3} entries as entries 0 to 255`,
    });
  });

  it("which stops answering", async () => {
    const copy = await copyOf(lost);
    const gone = new Error("gone");
    const source: LogSource = {
      ...copy,
      entries: (start, end, size) => (start >= 256 ? Promise.reject(gone) : copy.entries(start, end, size)),
    };
    await expect(adopt({ source })).rejects.toBe(gone);
  });
});
