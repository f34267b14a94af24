import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import { MayflyError } from "../../src/core/errors.ts";
import type { LogStore, PublishedCheckpoint } from "../../src/ports/log-store.ts";
import type { CheckpointSigner } from "../../src/tlog/checkpoint-signer.ts";
import { SEQUENCER_LIMITS } from "../../src/tlog/sequencer-options.ts";
import { startSequencer, type Sequencer } from "../../src/tlog/sequencer.ts";
import { building } from "../contracts/log-store.ts";
import { assertLogConsistent } from "../support/assert-log-consistent.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import { CREATED_MS, makeSubmission, makeSubmissions, MANIFEST } from "../support/log-fixtures.ts";

const signer: CheckpointSigner = {
  name: MANIFEST.origin,
  keyId: Uint8Array.of(1, 2, 3, 4),
  isVerifiedAtOnce: true,
  sign: () => Promise.resolve(Uint8Array.of(9)),
  verify: () => true,
};

const quorumMissed = (): MayflyError => new MayflyError("WITNESS_QUORUM_MISSED", "0 of 1 witnesses");
const cosigned = (checkpoint: PublishedCheckpoint): PublishedCheckpoint => ({
  ...checkpoint,
  note: `${checkpoint.note}\u2014 witness.test/w1 AAAAAAA=\n`,
});

describe("a sequencer whose checkpoints are cosigned before they are published", () => {
  const clock = makeFakeClock(CREATED_MS + 1_000);
  let store: LogStore;
  let sequencer: Sequencer;
  let fatal: MayflyError[];
  let idleTimes: number[];
  let idle: () => void;
  /** What witnesses do with the next checkpoint. */
  let cosign: (checkpoint: PublishedCheckpoint) => Promise<PublishedCheckpoint>;

  beforeEach(() => {
    fatal = [];
    idleTimes = [];
    store = createMemoryLogStore({ manifest: MANIFEST, onFatal: (error) => void fatal.push(error) });
    cosign = (checkpoint) => Promise.resolve(cosigned(checkpoint));
  });

  afterEach(async () => {
    await sequencer.close();
  });

  async function start(): Promise<void> {
    sequencer = await startSequencer({
      store,
      clock,
      origin: MANIFEST.origin,
      checkpointSigners: [signer],
      cosign: (checkpoint) => cosign(checkpoint),
      onFatal: (error) => void fatal.push(error),
      startIdleTimer: (onIdle) => {
        idle = onIdle;
        return { refresh: (idleMs) => void idleTimes.push(idleMs), stop: () => undefined };
      },
    });
  }

  async function settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  it("publishes what the witnesses gave back, and answers only then", async () => {
    await start();
    const held = Promise.withResolvers<undefined>();
    let shown: PublishedCheckpoint | undefined;
    cosign = async (checkpoint) => {
      shown = checkpoint;
      await held.promise;
      return cosigned(checkpoint);
    };
    let isAnswered = false;
    const entry = sequencer.append(makeSubmission("one")).then(() => (isAnswered = true));
    await settle();
    expect([(await store.head()).size, shown?.size]).toEqual([1, 1]);
    expect((await store.published())?.size).toBe(0);
    expect(isAnswered).toBe(false);
    held.resolve(undefined);
    await entry;
    expect((await store.published())?.note).toBe(`${shown?.note ?? ""}\u2014 witness.test/w1 AAAAAAA=\n`);
  });

  it("answers nobody without a quorum, keeps the entries, and catches up with the next batch", async () => {
    await start();
    const before = (await store.published())?.note;
    cosign = () => Promise.reject(quorumMissed());
    await expect(sequencer.append(makeSubmission("one"))).rejects.toMatchObject({
      reason: "WITNESS_QUORUM_MISSED",
      code: "log_unavailable",
    });
    expect(sequencer.refusal()?.reason).toBe("WITNESS_QUORUM_MISSED");
    expect((await store.head()).size).toBe(1);
    expect((await store.published())?.note).toBe(before);
    cosign = (checkpoint) => Promise.resolve(cosigned(checkpoint));
    expect(await sequencer.append(makeSubmission("two"))).toMatchObject({ index: 1 });
    expect(await sequencer.append(makeSubmission("one"))).toEqual({ duplicate: true, index: 0 });
    expect(sequencer.refusal()).toBeUndefined();
    expect(fatal).toEqual([]);
    await assertLogConsistent(store);
  });

  it("catches up with a heartbeat, which comes soon", async () => {
    await start();
    cosign = () => Promise.reject(quorumMissed());
    await Promise.allSettled(makeSubmissions("some", 3).map((submission) => sequencer.append(submission)));
    await settle();
    expect(idleTimes.at(-1)).toBe(SEQUENCER_LIMITS.retryMs);
    cosign = (checkpoint) => Promise.resolve(cosigned(checkpoint));
    idle();
    await settle();
    expect((await store.published())?.size).toBe(3);
    expect(sequencer.refusal()).toBeUndefined();
  });

  it("lets one caller a second find out whether witnesses are back, and nobody else", async () => {
    await start();
    cosign = () => Promise.reject(quorumMissed());
    await expect(sequencer.append(makeSubmission("one"))).rejects.toThrow();
    expect(() => {
      sequencer.requireOpen();
    }).not.toThrow();
    expect(() => {
      sequencer.requireOpen();
    }).toThrow(expect.objectContaining({ reason: "WITNESS_QUORUM_MISSED" }));
  });

  it("starts without a quorum: what was published stays, and nothing new is", async () => {
    await start();
    await sequencer.append(makeSubmission("published"));
    const before = await store.published();
    await sequencer.close();
    await store.append(building(makeSubmissions("crashed", 2)));
    cosign = () => Promise.reject(quorumMissed());
    await start();
    expect(await store.published()).toEqual(before);
    expect(sequencer.refusal()?.reason).toBe("WITNESS_QUORUM_MISSED");
    expect(idleTimes.at(-1)).toBe(SEQUENCER_LIMITS.retryMs);
    cosign = (checkpoint) => Promise.resolve(cosigned(checkpoint));
    idle();
    await settle();
    expect((await store.published())?.size).toBe(3);
  });

  it.each(["LOG_FORKED", "LOG_ROLLED_BACK"] as const)("does not start when witnesses say %s", async (reason) => {
    await start();
    cosign = () => Promise.reject(new MayflyError(reason, "seen"));
    await expect(start()).rejects.toMatchObject({ reason });
  });

  it("ends when a witness has seen another log", async () => {
    await start();
    cosign = () => Promise.reject(new MayflyError("LOG_FORKED", "seen"));
    await expect(sequencer.append(makeSubmission("one"))).rejects.toMatchObject({ reason: "LOG_FORKED" });
    expect(fatal).toMatchObject([{ reason: "LOG_FORKED" }]);
    await expect(sequencer.append(makeSubmission("two"))).rejects.toMatchObject({ reason: "LOG_CLOSED" });
    expect((await store.published())?.size).toBe(0);
  });

  it("answers nobody and publishes nothing once it was ended, whatever was under way", async () => {
    await start();
    const held = Promise.withResolvers<undefined>();
    cosign = async (checkpoint) => {
      await held.promise;
      return cosigned(checkpoint);
    };
    const first = sequencer.append(makeSubmission("one"));
    await settle();
    const second = sequencer.append(makeSubmission("two"));
    sequencer.fail(new MayflyError("LOG_FORKED", "seen elsewhere"));
    sequencer.fail(new MayflyError("LOG_FORKED", "seen by two"));
    held.resolve(undefined);
    for (const entry of [first, second]) await expect(entry).rejects.toMatchObject({ reason: "LOG_FORKED" });
    await settle();
    expect((await store.published())?.size).toBe(0);
    expect(fatal.map(({ message }) => message)).toEqual(["seen elsewhere"]);
    expect(sequencer.refusal()?.reason).toBe("LOG_CLOSED");
  });
});
