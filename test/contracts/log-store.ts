import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { MayflyError } from "../../src/core/errors.ts";
import {
  DuplicateSubmission,
  type CommitBatch,
  type LogManifest,
  type LogStore,
  type StoredIssuer,
  type TreeHead,
} from "../../src/ports/log-store.ts";
import { readRoot } from "../../src/tlog/log-reader.ts";
import { buildBatch, type Submission } from "../../src/tlog/build-batch.ts";
import { assertLogConsistent } from "../support/assert-log-consistent.ts";
import {
  checkpointOf,
  makeIssuer,
  makeSubmission,
  makeSubmissions,
  MANIFEST,
  sha256,
} from "../support/log-fixtures.ts";

/** A store under test. */
export interface LogStoreHarness {
  readonly store: LogStore;
  /** What the store called `onFatal` with. */
  readonly fatal: readonly MayflyError[];
  /** Opens the same log once more beside `store`, where the engine lets two processes do so. */
  readonly openAgain?: () => Promise<LogStore>;
  close(): Promise<void>;
}

type Build = (head: TreeHead) => CommitBatch;

/** What a builder does that is given submissions: the log's time moves by a millisecond per batch. */
export function building(submissions: readonly Submission[], issuers: readonly StoredIssuer[] = []): Build {
  return (head) => ({ ...buildBatch(head, head.timestampMs + 1, submissions), issuers });
}

async function appendAndPublish(store: LogStore, submissions: readonly Submission[]): Promise<TreeHead> {
  const head = await store.append(building(submissions));
  await store.publish(checkpointOf(head));
  return head;
}

/** What every {@link LogStore} promises. */
export function describeLogStore(name: string, open: (manifest: LogManifest) => Promise<LogStoreHarness>): void {
  describe(`${name} as a log store`, () => {
    let harness: LogStoreHarness;
    let store: LogStore;

    beforeEach(async () => {
      harness = await open(MANIFEST);
      store = harness.store;
    });

    afterEach(async () => {
      await harness.close();
    });

    it("starts empty, with its manifest, and with nothing published", async () => {
      expect(await store.manifest()).toEqual(MANIFEST);
      expect(await store.head()).toMatchObject({ size: 0, rightEdge: [], timestampMs: MANIFEST.createdMs });
      expect(Buffer.from((await store.head()).root)).toEqual(Buffer.from(sha256(new Uint8Array(0))));
      expect(await store.published()).toBeUndefined();
      await expect(store.snapshot()).rejects.toMatchObject({ code: "log_unavailable" });
    });

    it("publishes the empty tree", async () => {
      await store.publish(checkpointOf(await store.head()));
      await assertLogConsistent(store);
    });

    it("keeps entries in the order of the batches", async () => {
      await appendAndPublish(store, makeSubmissions("a", 3));
      await appendAndPublish(store, makeSubmissions("b", 2));
      await assertLogConsistent(store);
      const texts = (await (await store.snapshot()).entries(0, 5)).map((entry) => Buffer.from(entry).toString());
      expect(texts.map((text) => text.slice(0, 8))).toEqual([
        "a 0 at 0",
        "a 1 at 1",
        "a 2 at 2",
        "b 0 at 3",
        "b 1 at 4",
      ]);
    });

    it.each([[[255, 1, 1]], [[256, 256, 1]], [[1, 600, 3]], [[257, 255, 130]]])(
      "fills tiles over their borders with batches of %j",
      async (batches) => {
        for (const [at, count] of batches.entries()) {
          await appendAndPublish(store, makeSubmissions(`batch ${at}`, count));
          await assertLogConsistent(store);
        }
      },
    );

    it("puts appends that run at the same time one after the other", async () => {
      const heads = await Promise.all(
        Array.from({ length: 12 }, (_, at) => store.append(building(makeSubmissions(`racer ${at}`, at + 1)))),
      );
      const sizes = heads.map(({ size }) => size).sort((a, b) => a - b);
      expect(sizes.at(-1)).toBe(78);
      expect(new Set(sizes).size).toBe(12);
      await store.publish(checkpointOf(await store.head()));
      await assertLogConsistent(store);
    });

    it("gives the committed head to the builder and back to its caller", async () => {
      const seen: number[] = [];
      for (const size of [1, 2, 3]) {
        const head = await store.append((previous) => {
          seen.push(previous.size);
          return building([makeSubmission(`entry ${size}`)])(previous);
        });
        expect(await store.head()).toEqual(head);
        expect(head.size).toBe(size);
      }
      expect(seen).toEqual([0, 1, 2]);
    });

    it("shows nothing that was committed but not published", async () => {
      await appendAndPublish(store, makeSubmissions("seen", 3));
      const hidden = await store.append(building(makeSubmissions("hidden", 300)));
      const snapshot = await store.snapshot();
      expect(snapshot.checkpoint.size).toBe(3);
      expect(await snapshot.entries(0, 303)).toHaveLength(3);
      expect(await snapshot.entries(3, 303)).toHaveLength(0);
      expect(await snapshot.entries(-2, 2)).toHaveLength(2);
      expect(await snapshot.entries(2, 1)).toHaveLength(0);
      expect((await snapshot.tile(0, 0))?.length).toBe(3 * 32);
      expect(await snapshot.tile(0, 1)).toBeUndefined();
      expect(await snapshot.tile(1, 0)).toBeUndefined();
      await assertLogConsistent(store);
      await store.publish(checkpointOf(hidden));
      await assertLogConsistent(store);
    });

    it("shows a committed tree to whoever has its checkpoint, before it is published", async () => {
      await appendAndPublish(store, makeSubmissions("seen", 3));
      const hidden = await store.append(building(makeSubmissions("hidden", 300)));
      const checkpoint = checkpointOf(hidden);
      const snapshot = await store.snapshotAt(checkpoint);
      expect(snapshot.checkpoint).toBe(checkpoint);
      expect(await snapshot.entries(0, 400)).toHaveLength(303);
      expect((await snapshot.tile(0, 1))?.length).toBe(47 * 32);
      expect(Buffer.from(await readRoot(snapshot, 303))).toEqual(Buffer.from(hidden.root));
      expect((await store.published())?.size).toBe(3);
      await expect(store.snapshotAt({ ...checkpoint, size: 304 })).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
      expect(harness.fatal).toEqual([]);
    });

    it("keeps an old snapshot as it was", async () => {
      await appendAndPublish(store, makeSubmissions("old", 5));
      const snapshot = await store.snapshot();
      await appendAndPublish(store, makeSubmissions("new", 500));
      expect(snapshot.checkpoint.size).toBe(5);
      expect((await snapshot.tile(0, 0))?.length).toBe(5 * 32);
      expect(await snapshot.entries(4, 100)).toHaveLength(1);
    });

    it("shows each published checkpoint to everybody who asks after it was, whoever asked meanwhile", async () => {
      for (let round = 1; round <= 5; round++) {
        const head = await store.append(building(makeSubmissions(`round ${round}`, 3)));
        const publishing = store.publish(checkpointOf(head));
        // The first of them begin before it is published.
        const meanwhile = Array.from({ length: 20 }, async () => {
          if (round > 1) expect((await store.snapshot()).checkpoint.size).toBeGreaterThanOrEqual(3 * (round - 1));
        });
        await publishing;
        const snapshot = await store.snapshot();
        expect(snapshot.checkpoint).toEqual(checkpointOf(head));
        expect((await snapshot.tile(0, 0))?.length).toBe(3 * round * 32);
        await Promise.all(meanwhile);
      }
      const final = checkpointOf(await store.append(building(makeSubmissions("last", 1))));
      await store.freeze(final);
      expect((await store.snapshot()).checkpoint).toEqual(final);
      await store.close();
      await expect(store.snapshot()).rejects.toMatchObject({ reason: "LOG_CLOSED" });
    });

    it("names the entries of a batch that are in the log, and writes none of it", async () => {
      await store.append(building(makeSubmissions("x", 3)));
      const again = ["new", "x 1", "x 0", "newer"].map((text) => makeSubmission(text));
      const refused = await store.append(building(again)).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(DuplicateSubmission);
      expect([...(refused as DuplicateSubmission).existing]).toEqual([
        [1, 1],
        [2, 0],
      ]);
      expect((await store.head()).size).toBe(3);
      expect(await store.indexOfSubmission(sha256(Buffer.from("new")))).toBeUndefined();
      await appendAndPublish(store, [makeSubmission("new")]);
      await assertLogConsistent(store);
    });

    it("refuses a batch that holds one submission twice", async () => {
      const twice = [makeSubmission("same"), makeSubmission("same")];
      await expect(store.append(building(twice))).rejects.toMatchObject({ reason: "LOG_WRITE_FAILED" });
      await appendAndPublish(store, [makeSubmission("same")]);
      await assertLogConsistent(store);
    });

    it("finds submissions by their digest", async () => {
      await store.append(building(makeSubmissions("y", 4)));
      expect(await store.indexOfSubmission(sha256(Buffer.from("y 2")))).toBe(2);
      expect(await store.indexOfSubmission(sha256(Buffer.from("y 4")))).toBeUndefined();
    });

    it("keeps issuers, given once or again", async () => {
      const [one, two] = [makeIssuer("one"), makeIssuer("two")];
      await store.append(building([makeSubmission("first")], [one]));
      const head = await store.append(building([makeSubmission("second")], [one, two]));
      await store.publish(checkpointOf(head));
      const snapshot = await store.snapshot();
      expect(Buffer.from((await snapshot.issuer(two.fingerprint)) ?? [])).toEqual(Buffer.from(two.der));
      expect(Buffer.from((await snapshot.issuer(one.fingerprint)) ?? [])).toEqual(Buffer.from(one.der));
      expect(await snapshot.issuer(sha256(Buffer.from("three")))).toBeUndefined();
      const inOrder = [one, two].sort((a, b) => Buffer.compare(a.fingerprint, b.fingerprint));
      expect((await snapshot.issuers()).map((der) => Buffer.from(der))).toEqual(
        inOrder.map(({ der }) => Buffer.from(der)),
      );
    });

    it("finds entries by their leaf hash, each below the snapshot's size", async () => {
      const leaves: Uint8Array[] = [];
      const remember: Build = (head) => {
        const batch = building(makeSubmissions(`leaf ${head.size}`, 300))(head);
        leaves.push(...batch.entries.map(({ leafHash }) => leafHash));
        return batch;
      };
      await store.publish(checkpointOf(await store.append(remember)));
      const early = await store.snapshot();
      await store.append(remember);
      const hidden = await store.snapshot();
      await store.publish(checkpointOf(await store.head()));
      const late = await store.snapshot();
      for (const index of [0, 1, 255, 256, 299]) {
        for (const snapshot of [late, early, hidden]) expect(await snapshot.indexOfLeaf(leaves[index]!)).toBe(index);
      }
      for (const index of [300, 511, 512, 599]) {
        expect(await early.indexOfLeaf(leaves[index]!)).toBeUndefined();
        expect(await hidden.indexOfLeaf(leaves[index]!)).toBeUndefined();
        expect(await late.indexOfLeaf(leaves[index]!)).toBe(index);
      }
      const almost = leaves[7]!.map((byte, at) => (at === 31 ? byte ^ 1 : byte));
      expect(await late.indexOfLeaf(almost)).toBeUndefined();
      const acrossTwo = Buffer.concat([leaves[7]!.subarray(16), leaves[8]!.subarray(0, 16)]);
      expect(await late.indexOfLeaf(acrossTwo)).toBeUndefined();
      expect(await late.indexOfLeaf(leaves[7]!)).toBe(7);
      await expect(late.indexOfLeaf(leaves[7]!.subarray(0, 31))).rejects.toThrow(RangeError);
    });

    it("finds the first of several entries with one leaf hash", async () => {
      const same = { leafInput: Buffer.from("same"), stored: Buffer.from("same") };
      const submissions = [1, 2, 3].map((text) => ({ ...makeSubmission(`twin ${text}`), encode: () => same }));
      await appendAndPublish(store, submissions);
      const snapshot = await store.snapshot();
      expect(await snapshot.indexOfLeaf(sha256(Buffer.from("\0same")))).toBe(0);
    });

    describe("freezing", () => {
      it("publishes the last checkpoint, after which nothing is taken and everything can be read", async () => {
        const head = await appendAndPublish(store, makeSubmissions("last", 5));
        const final = checkpointOf(head, head.timestampMs + 9);
        expect(await store.manifest()).not.toHaveProperty("frozenMs");
        await store.freeze(final);
        expect(await store.published()).toEqual(final);
        expect(await store.manifest()).toEqual({ ...MANIFEST, frozenMs: final.timestampMs });
        const late = checkpointOf(head, final.timestampMs + 1);
        await expect(store.append(building([makeSubmission("late")]))).rejects.toMatchObject({
          code: "log_failed",
          reason: "LOG_FROZEN",
        });
        await expect(store.publish(late)).rejects.toMatchObject({ reason: "LOG_FROZEN" });
        await expect(store.freeze(late)).rejects.toMatchObject({ reason: "LOG_FROZEN" });
        expect(await store.published()).toEqual(final);
        expect(await store.head()).toEqual(head);
        expect(await store.indexOfSubmission(sha256(Buffer.from("last 3")))).toBe(3);
        expect(await store.indexOfSubmission(sha256(Buffer.from("late")))).toBeUndefined();
        await assertLogConsistent(store);
        expect(harness.fatal).toEqual([]);
        const again = await harness.openAgain?.();
        if (again === undefined) return;
        expect(await again.manifest()).toEqual({ ...MANIFEST, frozenMs: final.timestampMs });
        await expect(again.append(building([makeSubmission("late")]))).rejects.toMatchObject({ reason: "LOG_FROZEN" });
        await assertLogConsistent(again);
        await again.close();
      });

      it("takes the checkpoint that is published already, and that of an empty log", async () => {
        const final = checkpointOf(await store.head());
        await store.publish(final);
        await store.freeze(final);
        expect(await store.published()).toEqual(final);
        expect((await store.manifest()).frozenMs).toBe(final.timestampMs);
      });

      it("publishes entries that were committed only", async () => {
        const final = checkpointOf(await store.append(building(makeSubmissions("unseen", 2))));
        await store.freeze(final);
        expect((await assertLogConsistent(store)).size).toBe(2);
      });

      it.each<[string, (head: TreeHead, before: TreeHead) => ReturnType<typeof checkpointOf>]>([
        ["an earlier head", (head, before) => checkpointOf(before, head.timestampMs + 50)],
        ["the head, but older than the published one", (head) => checkpointOf(head, head.timestampMs + 4)],
      ])("refuses a checkpoint of %s, and changes nothing", async (_, choose) => {
        const before = await store.append(building([makeSubmission("1")]));
        const head = await store.append(building([makeSubmission("2")]));
        const published = checkpointOf(head, head.timestampMs + 5);
        await store.publish(published);
        await expect(store.freeze(choose(head, before))).rejects.toMatchObject({ reason: "LOG_WRITE_FAILED" });
        expect(await store.published()).toEqual(published);
        expect(await store.manifest()).toEqual(MANIFEST);
        await appendAndPublish(store, [makeSubmission("3")]);
        expect(harness.fatal).toEqual([]);
      });

      it.each<[string, (head: TreeHead) => TreeHead]>([
        ["larger than the log", (head) => ({ ...head, size: head.size + 1 })],
        ["with another root", (head) => ({ ...head, root: sha256(head.root) })],
      ])("takes a checkpoint %s for the end of the log, which is not frozen", async (_, change) => {
        const head = await store.append(building(makeSubmissions("p", 3)));
        await expect(store.freeze(checkpointOf(change(head)))).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
        expect(harness.fatal).toHaveLength(1);
        const again = await harness.openAgain?.();
        if (again === undefined) return;
        expect(await again.manifest()).toEqual(MANIFEST);
        await again.close();
      });
    });

    it("is not changed by what its callers do with their bytes afterwards", async () => {
      const bytes = new Uint8Array(64).fill(7);
      const submission = { ...makeSubmission("mutable"), encode: () => ({ leafInput: bytes, stored: bytes }) };
      await appendAndPublish(store, [submission]);
      bytes.fill(9);
      const [entry] = await (await store.snapshot()).entries(0, 1);
      entry?.fill(1);
      await assertLogConsistent(store);
    });

    it("passes on what a builder throws, and stays usable", async () => {
      const append = store.append(() => {
        throw new MayflyError("LOG_CLOCK", "not now");
      });
      await expect(append).rejects.toMatchObject({ reason: "LOG_CLOCK" });
      await appendAndPublish(store, makeSubmissions("after", 2));
      await assertLogConsistent(store);
      expect(harness.fatal).toEqual([]);
    });

    it("refuses a builder that does not continue the head it was given", async () => {
      const empty = await store.head();
      await store.append(building(makeSubmissions("z", 2)));
      await expect(store.append(() => building([makeSubmission("fork")])(empty))).rejects.toThrow(TypeError);
      expect((await store.head()).size).toBe(2);
    });

    describe("publishing", () => {
      it("only moves forward: by size, then by time", async () => {
        const one = await store.append(building([makeSubmission("1")]));
        const two = await store.append(building([makeSubmission("2")]));
        expect(await store.publish(checkpointOf(two, two.timestampMs + 5))).toBe("published");
        expect(await store.publish(checkpointOf(one, one.timestampMs + 50))).toBe("superseded");
        expect(await store.publish(checkpointOf(two, two.timestampMs + 5))).toBe("superseded");
        expect(await store.publish(checkpointOf(two, two.timestampMs + 4))).toBe("superseded");
        expect(await store.published()).toEqual(checkpointOf(two, two.timestampMs + 5));
        expect(await store.publish(checkpointOf(two, two.timestampMs + 6))).toBe("published");
        await assertLogConsistent(store);
      });

      it.each<[string, (head: TreeHead) => TreeHead]>([
        ["larger than the log", (head) => ({ ...head, size: head.size + 1 })],
        ["of the log's size with another root", (head) => ({ ...head, root: sha256(head.root) })],
        ["of an earlier size with another root", (head) => ({ ...head, size: head.size - 1 })],
      ])("takes a checkpoint %s for the end of the log", async (_, change) => {
        const head = await store.append(building(makeSubmissions("p", 300)));
        await expect(store.publish(checkpointOf(change(head)))).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
        expect(harness.fatal).toHaveLength(1);
        await expect(store.head()).rejects.toMatchObject({ code: "log_unavailable" });
      });
    });

    describe("the check before COMMIT", () => {
      const flipped = (bytes: Uint8Array, at = 0): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

      it.each<[string, (batch: CommitBatch) => CommitBatch]>([
        ["a root with a flipped bit", (b) => ({ ...b, head: { ...b.head, root: flipped(b.head.root) } })],
        ["a leaf hash with a flipped bit", (b) => changeEntry(b, (e) => ({ ...e, leafHash: flipped(e.leafHash) }))],
        ["an entry with a flipped bit", (b) => changeEntry(b, (e) => ({ ...e, stored: flipped(e.stored, 3) }))],
        ["a tile with a flipped bit", (b) => changeTile(b, 0, (hashes) => flipped(hashes, 32 * 20))],
        ["a tile whose past has a flipped bit", (b) => changeTile(b, 0, (hashes) => flipped(hashes))],
        ["a tile that is too short", (b) => changeTile(b, 0, (hashes) => hashes.slice(32))],
        ["a tile of level 1 with a flipped bit", (b) => changeTile(b, 1, (hashes) => flipped(hashes))],
        ["a tile that is missing", (b) => ({ ...b, tiles: b.tiles.slice(0, -1) })],
        ["a tile too many", (b) => ({ ...b, tiles: [...b.tiles, { ...b.tiles[0]!, index: 9 }] })],
        ["an entry too few", (b) => ({ ...b, entries: b.entries.slice(1) })],
        ["a head that is too large", (b) => ({ ...b, head: { ...b.head, size: b.head.size + 1 } })],
        ["no entries", (b) => ({ ...b, entries: [] })],
      ])("finds %s, rolls back, and ends the log's life", async (_, change) => {
        const before = await store.append(building(makeSubmissions("good", 10)));
        const bad: Build = (head) => change(building(makeSubmissions("bad", 300))(head));
        await expect(store.append(bad)).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
        expect(harness.fatal.map(({ reason }) => reason)).toEqual(["LOG_CORRUPT"]);
        await expect(store.append(building([makeSubmission("after")]))).rejects.toMatchObject({
          code: "log_unavailable",
        });
        const again = await harness.openAgain?.();
        if (again === undefined) return;
        expect(await again.head()).toEqual(before);
        await again.close();
      });
    });

    it("refuses everything once it is closed", async () => {
      await store.close();
      await expect(store.head()).rejects.toMatchObject({ reason: "LOG_CLOSED" });
      await expect(store.append(building([makeSubmission("late")]))).rejects.toMatchObject({ reason: "LOG_CLOSED" });
      await expect(store.close()).resolves.toBeUndefined();
      expect(harness.fatal).toEqual([]);
    });
  });
}

function changeEntry(
  batch: CommitBatch,
  change: (entry: CommitBatch["entries"][number]) => CommitBatch["entries"][number],
): CommitBatch {
  return { ...batch, entries: batch.entries.map((entry, at) => (at === 7 ? change(entry) : entry)) };
}

function changeTile(batch: CommitBatch, level: number, change: (hashes: Uint8Array) => Uint8Array): CommitBatch {
  const index = batch.tiles.findIndex((tile) => tile.level === level);
  return {
    ...batch,
    tiles: batch.tiles.map((tile, at) => (at === index ? { ...tile, hashes: change(tile.hashes) } : tile)),
  };
}
