import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { parseCheckpoint } from "../../src/core/note/checkpoint.ts";
import { parseSignedNote } from "../../src/core/note/signed-note.ts";
import type { CommitBatch, LogStore, PublishedCheckpoint, TreeHead } from "../../src/ports/log-store.ts";
import type { CheckpointSigner, CheckpointToSign } from "../../src/tlog/checkpoint-signer.ts";
import { SEQUENCER_LIMITS, type SequencedBatch, type SequencerOptions } from "../../src/tlog/sequencer-options.ts";
import { startSequencer, type Sequencer } from "../../src/tlog/sequencer.ts";
import { building } from "../contracts/log-store.ts";
import { assertLogConsistent } from "../support/assert-log-consistent.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import type { FakeClock } from "../fakes/fake-clock.ts";
import {
  checkpointOf,
  CREATED_MS,
  makeIssuer,
  makeSubmission,
  makeSubmissions,
  MANIFEST,
} from "../support/log-fixtures.ts";

/** A step of a commit, which a test may make fail before it takes effect or after. */
type Step = "append" | "sign" | "publish";

/** A store and a signer around real ones that note what happens and fail on demand. */
class Recorder {
  readonly events: string[] = [];
  readonly signed: CheckpointToSign[] = [];
  readonly batches: CommitBatch[] = [];
  readonly failures = new Map<string, Error>();
  /** Resolved before the next append goes to the store. */
  gate: Promise<void> = Promise.resolve();
  wrongSignatures = false;
  isVerifiedAtOnce = true;
  readonly store: LogStore;
  readonly signer: CheckpointSigner;

  constructor(inner: LogStore) {
    this.store = {
      manifest: () => inner.manifest(),
      head: () => inner.head(),
      published: () => inner.published(),
      snapshot: () => inner.snapshot(),
      snapshotAt: (checkpoint) => inner.snapshotAt(checkpoint),
      indexOfSubmission: (key) => inner.indexOfSubmission(key),
      freeze: (final) => inner.freeze(final),
      close: () => inner.close(),
      append: (build) => this.#append(inner, build),
      publish: (checkpoint) => this.#publish(inner, checkpoint),
    };
    this.signer = this.#makeSigner();
  }

  /** Makes the next run of a step fail, before or after it took effect. */
  failNext(step: Step, when: "before" | "after", error: Error): void {
    this.failures.set(`${when} ${step}`, error);
  }

  async #append(inner: LogStore, build: (head: TreeHead) => CommitBatch): Promise<TreeHead> {
    await this.gate;
    this.#failIfAsked("before append");
    const head = await inner.append((previous) => {
      const batch = build(previous);
      this.batches.push(batch);
      return batch;
    });
    this.events.push(`committed ${head.size}`);
    this.#failIfAsked("after append");
    return head;
  }

  async #publish(inner: LogStore, checkpoint: PublishedCheckpoint): Promise<"published" | "superseded"> {
    this.#failIfAsked("before publish");
    const result = await inner.publish(checkpoint);
    this.events.push(`${result} ${checkpoint.size}`);
    this.#failIfAsked("after publish");
    return result;
  }

  #makeSigner(): CheckpointSigner {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const isVerifiedAtOnce = (): boolean => this.isVerifiedAtOnce;
    return {
      name: MANIFEST.origin,
      keyId: Uint8Array.of(1, 2, 3, 4),
      get isVerifiedAtOnce() {
        return isVerifiedAtOnce();
      },
      sign: (checkpoint) => {
        this.#failIfAsked("before sign");
        this.signed.push(checkpoint);
        this.events.push(`signed ${checkpoint.size}`);
        this.#failIfAsked("after sign");
        const text = this.wrongSignatures ? `${checkpoint.text}!` : checkpoint.text;
        return Promise.resolve(sign(null, Buffer.from(text), privateKey));
      },
      verify: (text, signature) => verify(null, Buffer.from(text), publicKey, signature),
    };
  }

  #failIfAsked(at: string): void {
    const error = this.failures.get(at);
    this.failures.delete(at);
    if (error !== undefined) throw error;
  }
}

describe("a sequencer", () => {
  let clock: FakeClock;
  let memory: LogStore;
  let recorder: Recorder;
  let sequencer: Sequencer;
  let fatal: MayflyError[];
  let failures: unknown[];
  let published: PublishedCheckpoint[];
  let batches: SequencedBatch[];
  let idle: () => void;
  /** For how long the timer was set after each batch or heartbeat. */
  let idleTimes: number[];

  beforeEach(() => {
    clock = makeFakeClock(CREATED_MS + 1_000);
    fatal = [];
    failures = [];
    published = [];
    batches = [];
    idleTimes = [];
    memory = createMemoryLogStore({ manifest: MANIFEST, onFatal: (error) => void fatal.push(error) });
    recorder = new Recorder(memory);
  });

  afterEach(async () => {
    await memory.close();
  });

  async function start(overrides: Partial<SequencerOptions> = {}): Promise<Sequencer> {
    sequencer = await startSequencer({
      store: recorder.store,
      clock,
      origin: MANIFEST.origin,
      checkpointSigners: [recorder.signer],
      onBatch: (batch) => void batches.push(batch),
      onPublish: (checkpoint) => void published.push(checkpoint),
      onFailure: (error) => void failures.push(error),
      onFatal: (error) => void fatal.push(error),
      startIdleTimer: (onIdle) => {
        idle = onIdle;
        return { refresh: (idleMs) => void idleTimes.push(idleMs), stop: () => undefined };
      },
      ...overrides,
    });
    recorder.events.length = 0;
    return sequencer;
  }

  /** Resolves when nothing more happens without new input. */
  async function settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  describe("at its start", () => {
    it("publishes the empty tree of a new log", async () => {
      await start();
      expect((await memory.published())?.size).toBe(0);
      await assertLogConsistent(memory);
    });

    it("publishes what a crash left committed but unpublished, under a later time", async () => {
      const head = await memory.append(building(makeSubmissions("left", 3)));
      await start();
      const checkpoint = await assertLogConsistent(memory);
      expect(checkpoint.size).toBe(3);
      expect(checkpoint.timestampMs).toBeGreaterThan(head.timestampMs);
    });

    it("signs the same tree again under a later time than before", async () => {
      const head = await memory.append(building(makeSubmissions("left", 3)));
      await memory.publish(checkpointOf(head, clock.now() + 4_000));
      await start();
      expect((await memory.published())?.timestampMs).toBe(clock.now() + 4_001);
    });

    it("refuses a store of another origin", async () => {
      await expect(start({ origin: "other.test" })).rejects.toMatchObject({ reason: "LOG_WRONG_KEY" });
    });

    it("refuses a log that lost entries which were published", async () => {
      const lost = { ...(await memory.head()), size: 5 };
      recorder.store.published = () => Promise.resolve(checkpointOf(lost));
      await expect(start()).rejects.toMatchObject({ reason: "LOG_ROLLED_BACK" });
    });

    it("refuses a log whose published tree is not its own", async () => {
      const other = { ...(await memory.head()), root: new Uint8Array(32) };
      recorder.store.published = () => Promise.resolve(checkpointOf(other));
      await expect(start()).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
    });

    it("refuses a clock that is behind the log", async () => {
      await memory.append((head) => ({ ...building(makeSubmissions("late", 1))(head) }));
      clock.step(-20_000);
      await expect(start()).rejects.toMatchObject({ reason: "LOG_CLOCK" });
    });

    it("refuses keys that do not work", async () => {
      recorder.wrongSignatures = true;
      await expect(start()).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
      expect(await memory.published()).toBeUndefined();
    });
  });

  describe("when all is well", () => {
    it("commits, signs, publishes and answers, in this order", async () => {
      await start();
      clock.advance(10);
      const entry = await sequencer.append(makeSubmission("one")).then((appended) => {
        recorder.events.push("answered");
        return appended;
      });
      expect(recorder.events).toEqual(["committed 1", "signed 1", "published 1", "answered"]);
      expect(entry).toEqual({ duplicate: false, index: 0, timestampMs: clock.now() });
    });

    it("signs the head with the time of its batch, and the note says what was signed", async () => {
      await start();
      clock.advance(70);
      const entry = await sequencer.append(makeSubmission("one"));
      const checkpoint = await memory.published();
      expect(entry).toMatchObject({ timestampMs: checkpoint?.timestampMs });
      const { text, signatures } = parseSignedNote(checkpoint?.note ?? "");
      expect(parseCheckpoint(text)).toMatchObject({ origin: MANIFEST.origin, size: 1 });
      expect(signatures.map(({ name }) => name)).toEqual([MANIFEST.origin]);
    });

    it("writes what gathered meanwhile as one batch", async () => {
      await start();
      const gate = Promise.withResolvers<undefined>();
      recorder.gate = gate.promise;
      const first = sequencer.append(makeSubmission("first"));
      await settle();
      const others = makeSubmissions("other", 40).map((submission) => sequencer.append(submission));
      gate.resolve(undefined);
      expect((await first).index).toBe(0);
      expect((await Promise.all(others)).map(({ index }) => index)).toEqual(
        Array.from({ length: 40 }, (_, i) => i + 1),
      );
      expect(batches).toMatchObject([
        { entries: 1, treeSize: 1 },
        { entries: 40, treeSize: 41 },
      ]);
      await assertLogConsistent(memory);
    });

    it("writes no more than its limit in one batch", async () => {
      await start({ limits: { ...SEQUENCER_LIMITS, maxBatchEntries: 256 } });
      await Promise.all(makeSubmissions("many", 700).map((submission) => sequencer.append(submission)));
      expect(batches.map(({ entries }) => entries)).toEqual([256, 256, 188]);
      await assertLogConsistent(memory);
    });

    it("tells of a failed batch until something is published again, which it tries soon", async () => {
      const { idleMs, retryMs } = SEQUENCER_LIMITS;
      await start();
      recorder.failNext("append", "before", new MayflyError("LOG_WRITE_FAILED", "disk full"));
      await expect(sequencer.append(makeSubmission("lost"))).rejects.toMatchObject({ reason: "LOG_WRITE_FAILED" });
      expect(sequencer.refusal()?.reason).toBe("LOG_WRITE_FAILED");
      recorder.failNext("publish", "before", new MayflyError("LOG_WRITE_FAILED", "disk full"));
      idle();
      await settle();
      expect(sequencer.refusal()?.reason).toBe("LOG_WRITE_FAILED");
      idle();
      await settle();
      expect(sequencer.refusal()).toBeUndefined();
      expect(idleTimes).toEqual([retryMs, retryMs, idleMs]);
    });

    describe("that knows how many callers are on their way", () => {
      /** No timer may end the gathering: only arrivals do. */
      const limits = { ...SEQUENCER_LIMITS, gatherMs: 60_000, gatherQuietMs: 60_000 };

      it("waits for all of them, however many turns they take", async () => {
        await start({ limits, onTheWay: () => 3 });
        const entries: Promise<unknown>[] = [];
        for (const submission of makeSubmissions("gathered", 3)) {
          entries.push(sequencer.append(submission));
          await settle();
        }
        await Promise.all(entries);
        expect(batches.map(({ entries: count }) => count)).toEqual([3]);
      });

      it("[CL21] commits at once for a lone caller", async () => {
        await start({ limits, onTheWay: () => 1 });
        for (const submission of makeSubmissions("lone", 3)) await sequencer.append(submission);
        expect(batches.map(({ entries }) => entries)).toEqual([1, 1, 1]);
      });

      it("waits for the callers of the batch before, who come back together", async () => {
        let onTheWay = 4;
        await start({ limits, onTheWay: () => onTheWay });
        await Promise.all(makeSubmissions("first", 4).map((submission) => sequencer.append(submission)));
        onTheWay = 1;
        const entries: Promise<unknown>[] = [];
        for (const submission of makeSubmissions("again", 4)) {
          entries.push(sequencer.append(submission));
          await settle();
        }
        await Promise.all(entries);
        expect(batches.map(({ entries: count }) => count)).toEqual([4, 4]);
      });

      it("never waits for more than a batch can hold", async () => {
        await start({ limits: { ...limits, maxBatchEntries: 2 }, onTheWay: () => 1_000 });
        await Promise.all(makeSubmissions("held", 4).map((submission) => sequencer.append(submission)));
        expect(batches.map(({ entries }) => entries)).toEqual([2, 2]);
      });

      it("goes on without those who do not come", async () => {
        await start({ limits: { ...limits, gatherQuietMs: 1 }, onTheWay: () => 5 });
        await Promise.all(makeSubmissions("some", 2).map((submission) => sequencer.append(submission)));
        await assertLogConsistent(memory);
      });

      it("goes on when they come too slowly", async () => {
        await start({ limits: { ...limits, gatherMs: 1 }, onTheWay: () => 5 });
        await sequencer.append(makeSubmission("slow"));
        await assertLogConsistent(memory);
      });
    });

    it("gives every batch a later time even while the clock stands", async () => {
      await start();
      const times: number[] = [];
      for (const submission of makeSubmissions("still", 4)) {
        const entry = await sequencer.append(submission);
        if (!entry.duplicate) times.push(entry.timestampMs);
      }
      expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
      expect(recorder.signed.map(({ timestampMs }) => timestampMs)).toEqual(
        [...new Set(recorder.signed.map(({ timestampMs }) => timestampMs))].sort((a, b) => a - b),
      );
    });

    it("hands an issuer to the store once", async () => {
      await start();
      const issuers = [makeIssuer("ca"), makeIssuer("root")];
      await sequencer.append(makeSubmission("one", { issuers }));
      await sequencer.append(makeSubmission("two", { issuers }));
      expect(recorder.batches.map((batch) => batch.issuers.length)).toEqual([2, 0]);
    });

    it("tells each published checkpoint", async () => {
      await start();
      await sequencer.append(makeSubmission("one"));
      expect(published.map(({ size }) => size)).toEqual([0, 1]);
    });
  });

  describe("given a submission again", () => {
    it("answers with its index and writes nothing", async () => {
      await start();
      await sequencer.append(makeSubmission("same"));
      recorder.events.length = 0;
      expect(await sequencer.append(makeSubmission("same"))).toEqual({ duplicate: true, index: 0 });
      expect(recorder.events).toEqual([]);
    });

    it("answers both callers when it is still under way", async () => {
      await start();
      const both = await Promise.all([1, 2].map(() => sequencer.append(makeSubmission("same"))));
      expect(both).toMatchObject([
        { duplicate: false, index: 0 },
        { duplicate: true, index: 0 },
      ]);
      expect((await memory.head()).size).toBe(1);
    });

    it("writes the rest of the batch", async () => {
      await start();
      await sequencer.append(makeSubmission("b"));
      const mixed = await Promise.all(["a", "b", "c"].map((text) => sequencer.append(makeSubmission(text))));
      expect(mixed).toMatchObject([
        { duplicate: false, index: 1 },
        { duplicate: true, index: 0 },
        { duplicate: false, index: 2 },
      ]);
      await assertLogConsistent(memory);
    });

    it("does not answer before a published checkpoint covers it", async () => {
      await start();
      await memory.append(building([makeSubmission("unpublished")]));
      expect(await sequencer.append(makeSubmission("unpublished"))).toEqual({ duplicate: true, index: 0 });
      expect(recorder.events).toEqual(["signed 1", "published 1"]);
    });
  });

  describe("beside another writer on the same log", () => {
    it("builds on the other's head", async () => {
      await start();
      await sequencer.append(makeSubmission("mine"));
      await memory.append(building(makeSubmissions("theirs", 5)));
      expect(await sequencer.append(makeSubmission("mine too"))).toMatchObject({ index: 6 });
      await assertLogConsistent(memory);
    });

    it("answers under a checkpoint that the other published", async () => {
      await start();
      const publish = recorder.store.publish.bind(recorder.store);
      recorder.store.publish = async (checkpoint) => {
        const theirs = await memory.append(building([makeSubmission("theirs")]));
        await memory.publish(checkpointOf(theirs, theirs.timestampMs + 50));
        return publish(checkpoint);
      };
      expect(await sequencer.append(makeSubmission("mine"))).toMatchObject({ duplicate: false, index: 0 });
      expect(recorder.events).toEqual(["committed 1", "signed 1", "superseded 1"]);
      expect(published.at(-1)?.size).toBe(2);
    });

    it("ends when the other published another tree of its size", async () => {
      await start();
      recorder.store.publish = () => Promise.resolve("superseded");
      recorder.store.published = async () => ({ ...checkpointOf(await memory.head()), root: new Uint8Array(32) });
      await expect(sequencer.append(makeSubmission("mine"))).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
      expect(fatal.map(({ reason }) => reason)).toEqual(["LOG_CORRUPT"]);
    });
  });

  describe("when a step fails", () => {
    const broken = new MayflyError("LOG_WRITE_FAILED", "disk full");

    it("fails the batch when nothing was written, and goes on with the next", async () => {
      await start();
      recorder.failNext("append", "before", broken);
      await expect(sequencer.append(makeSubmission("one"))).rejects.toBe(broken);
      expect(recorder.events).toEqual([]);
      expect(failures).toEqual([broken]);
      expect(await sequencer.append(makeSubmission("one"))).toMatchObject({ duplicate: false, index: 0 });
      await assertLogConsistent(memory);
    });

    it("does not sign when the outcome of a commit is unknown, and ends", async () => {
      await start();
      recorder.failNext("append", "after", new MayflyError("LOG_OUTCOME_UNKNOWN", "I/O error at COMMIT"));
      await expect(sequencer.append(makeSubmission("one"))).rejects.toMatchObject({ reason: "LOG_OUTCOME_UNKNOWN" });
      expect(recorder.events).toEqual(["committed 1"]);
      expect(fatal).toHaveLength(1);
      expect(sequencer.refusal()).toMatchObject({ reason: "LOG_CLOSED" });
      await expect(sequencer.append(makeSubmission("two"))).rejects.toMatchObject({ reason: "LOG_CLOSED" });
    });

    it.each<[Step, "before" | "after"]>([
      ["sign", "before"],
      ["sign", "after"],
      ["publish", "before"],
      ["publish", "after"],
    ])("withholds the answer when it fails at %s (%s), and the next batch covers the entry", async (step, when) => {
      await start();
      const failure = new MayflyError("SIGNER_TIMEOUT", "no answer");
      recorder.failNext(step, when, failure);
      await expect(sequencer.append(makeSubmission("one"))).rejects.toBe(failure);
      expect(fatal).toEqual([]);
      expect(await sequencer.append(makeSubmission("two"))).toMatchObject({ index: 1 });
      expect(await sequencer.append(makeSubmission("one"))).toEqual({ duplicate: true, index: 0 });
      expect((await assertLogConsistent(memory)).size).toBe(2);
      const times = recorder.signed.map(({ timestampMs }) => timestampMs);
      expect(new Set(times).size).toBe(times.length);
    });

    it("publishes nothing under a wrong signature, and ends", async () => {
      await start();
      recorder.wrongSignatures = true;
      const first = sequencer.append(makeSubmission("one"));
      await expect(first).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
      expect((await memory.published())?.size).toBe(0);
      expect(fatal).toHaveLength(1);
    });

    it("freezes nothing with a line that is wrong, though it is not verified at once", async () => {
      recorder.isVerifiedAtOnce = false;
      await start();
      recorder.wrongSignatures = true;
      await sequencer.append(makeSubmission("one"));
      await expect(sequencer.freeze()).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
      expect(fatal).toMatchObject([{ reason: "LOG_CORRUPT" }]);
      recorder.wrongSignatures = false;
      await expect(sequencer.freeze()).rejects.toMatchObject({ reason: "LOG_CORRUPT" });
      expect(await memory.manifest()).not.toHaveProperty("frozenMs");
      expect(fatal).toHaveLength(1);
    });

    it("rejects what still waits when the log ends", async () => {
      await start({ limits: { ...SEQUENCER_LIMITS, maxBatchEntries: 1 } });
      recorder.wrongSignatures = true;
      const results = await Promise.allSettled(makeSubmissions("s", 3).map((each) => sequencer.append(each)));
      expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
      expect((await memory.head()).size).toBe(1);
      await sequencer.close();
    });

    it("leaves out a submission that cannot be encoded", async () => {
      await start();
      const bug = new RangeError("too long");
      const bad = {
        ...makeSubmission("bad"),
        encode: () => {
          throw bug;
        },
      };
      const results = await Promise.allSettled(
        [makeSubmission("a"), bad, makeSubmission("c")].map((each) => sequencer.append(each)),
      );
      expect(results).toMatchObject([
        { status: "fulfilled", value: { index: 0 } },
        { status: "rejected", reason: bug },
        { status: "fulfilled", value: { index: 1 } },
      ]);
      await assertLogConsistent(memory);
    });
  });

  describe("with a clock that cannot be believed", () => {
    it.each([
      ["set back by an hour", -3_600_000],
      ["set forward by ten seconds", 10_000],
      ["set forward by two hours", 7_200_000],
    ])("writes nothing when it was %s, and says so", async (_, byMs) => {
      await start();
      clock.step(byMs);
      expect(sequencer.refusal()).toMatchObject({ reason: "LOG_CLOCK" });
      await expect(sequencer.append(makeSubmission("one"))).rejects.toMatchObject({ reason: "LOG_CLOCK" });
      expect(recorder.events).toEqual([]);
      expect(fatal).toEqual([]);
    });

    it("goes on at once after the machine slept for days", async () => {
      await start();
      clock.sleep(3 * 86_400_000);
      expect(sequencer.refusal()).toBeUndefined();
      expect(await sequencer.append(makeSubmission("one"))).toMatchObject({ index: 0, timestampMs: clock.now() });
    });

    it("goes on when the clock was set by little and then ran steadily", async () => {
      await start();
      clock.step(10_000);
      await expect(sequencer.append(makeSubmission("one"))).rejects.toMatchObject({ reason: "LOG_CLOCK" });
      clock.advance(30_000);
      expect(sequencer.refusal()).toBeUndefined();
      expect(await sequencer.append(makeSubmission("one"))).toMatchObject({ index: 0 });
    });
  });

  describe("asked whether it would take an entry", () => {
    const busy = new MayflyError("LOG_BUSY", "made by a test");
    const failOnce = async (): Promise<void> => {
      recorder.failNext("append", "before", busy);
      await expect(sequencer.append(makeSubmission("lost"))).rejects.toBe(busy);
    };
    const asked = (): string => {
      try {
        sequencer.requireOpen();
        return "open";
      } catch (error) {
        return (error as MayflyError).reason;
      }
    };

    it("says yes, and no while its clock was set, its queue is full, a write hangs, or it is closed", async () => {
      await start({ limits: { ...SEQUENCER_LIMITS, maxPending: 1 } });
      expect(asked()).toBe("open");
      clock.step(10_000);
      expect(asked()).toBe("LOG_CLOCK");
      clock.advance(30_000);
      expect(asked()).toBe("open");
      const gate = Promise.withResolvers<undefined>();
      recorder.gate = gate.promise;
      const entries = [sequencer.append(makeSubmission("written"))];
      await settle();
      expect(asked()).toBe("open");
      entries.push(sequencer.append(makeSubmission("waiting")));
      expect(asked()).toBe("LOG_QUEUE_FULL");
      clock.advance(2_001);
      expect(asked()).toBe("LOG_TIMEOUT");
      gate.resolve(undefined);
      await Promise.all(entries);
      await settle();
      expect(asked()).toBe("open");
      await sequencer.close();
      expect(asked()).toBe("LOG_CLOSED");
    });

    it("does not take a step of the clock for one when the machine slept", async () => {
      await start();
      clock.sleep(3 * 86_400_000);
      expect(asked()).toBe("open");
    });

    it("refuses a clock that is behind what it has signed, also when it was set by little", async () => {
      await start();
      await sequencer.append(makeSubmission("one"));
      for (let times = 0; times < 3; times++) {
        clock.step(-4_000);
        asked();
      }
      expect(asked()).toBe("LOG_CLOCK");
    });

    it("lets one caller try after a failed batch, then one each second, and all once it has passed", async () => {
      await start();
      await failOnce();
      expect([asked(), asked(), asked()]).toEqual(["open", "LOG_BUSY", "LOG_BUSY"]);
      clock.advance(999);
      expect(asked()).toBe("LOG_BUSY");
      clock.advance(1);
      expect([asked(), asked()]).toEqual(["open", "LOG_BUSY"]);
      await failOnce();
      expect(asked()).toBe("LOG_BUSY");
      await sequencer.append(makeSubmission("tried"));
      expect([asked(), asked()]).toEqual(["open", "open"]);
      await failOnce();
      expect([asked(), asked()]).toEqual(["open", "LOG_BUSY"]);
    });

    it("takes no try away when asked for its health", async () => {
      await start();
      await failOnce();
      for (let times = 0; times < 3; times++) expect(sequencer.refusal()).toBe(busy);
      expect(asked()).toBe("open");
    });
  });

  it("refuses what does not fit its queue", async () => {
    await start({ limits: { ...SEQUENCER_LIMITS, maxPending: 3 } });
    const gate = Promise.withResolvers<undefined>();
    recorder.gate = gate.promise;
    const first = sequencer.append(makeSubmission("first"));
    await settle();
    const waiting = makeSubmissions("w", 3).map((each) => sequencer.append(each));
    await expect(sequencer.append(makeSubmission("too many"))).rejects.toMatchObject({
      reason: "LOG_QUEUE_FULL",
      code: "log_unavailable",
    });
    gate.resolve(undefined);
    await Promise.all([first, ...waiting]);
    expect((await assertLogConsistent(memory)).size).toBe(4);
  });

  it("refuses at once, and says so, while a write hangs; and goes on when it comes back", async () => {
    const clock = makeFakeClock(CREATED_MS + 1_000);
    await start({ clock });
    const gate = Promise.withResolvers<undefined>();
    recorder.gate = gate.promise;
    const stuck = sequencer.append(makeSubmission("stuck"));
    const behind = sequencer.append(makeSubmission("behind"));
    await settle();
    clock.advance(2_000);
    expect(sequencer.refusal()).toBeUndefined();
    clock.advance(1);
    expect(sequencer.refusal()).toMatchObject({ code: "log_unavailable", reason: "LOG_TIMEOUT" });
    await expect(sequencer.append(makeSubmission("late"))).rejects.toMatchObject({ reason: "LOG_TIMEOUT" });
    gate.resolve(undefined);
    await Promise.all([stuck, behind]);
    await settle();
    expect(sequencer.refusal()).toBeUndefined();
    await sequencer.append(makeSubmission("next"));
    expect((await assertLogConsistent(memory)).size).toBe(3);
  });

  describe("when idle", () => {
    it("signs the tree again under the time of the clock", async () => {
      await start();
      await sequencer.append(makeSubmission("one"));
      clock.advance(60_000);
      idle();
      await settle();
      expect(await memory.published()).toMatchObject({ size: 1, timestampMs: clock.now() });
      await assertLogConsistent(memory);
    });

    it("reports a heartbeat that failed and tries again", async () => {
      await start();
      clock.advance(60_000);
      recorder.failNext("sign", "before", new MayflyError("SIGNER_TIMEOUT", "no answer"));
      idle();
      await settle();
      expect(failures).toMatchObject([{ reason: "SIGNER_TIMEOUT" }]);
      idle();
      await settle();
      expect((await memory.published())?.timestampMs).toBeGreaterThanOrEqual(clock.now());
      expect(fatal).toEqual([]);
    });
  });

  it("finishes what it accepted when it is closed, and refuses the rest", async () => {
    await start({ limits: { ...SEQUENCER_LIMITS, maxBatchEntries: 2 } });
    const accepted = makeSubmissions("a", 7).map((each) => sequencer.append(each));
    const closed = sequencer.close();
    await expect(sequencer.append(makeSubmission("late"))).rejects.toMatchObject({ reason: "LOG_CLOSED" });
    await closed;
    expect((await memory.published())?.size).toBe(7);
    expect(await Promise.all(accepted)).toHaveLength(7);
    expect(sequencer.refusal()).toMatchObject({ reason: "LOG_CLOSED" });
  });
});
