import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { ed25519KeyOfSpki, makeEd25519Verifier, SIGNATURE_TYPE } from "../../src/core/note/verifier-key.ts";
import type { LogStore, PublishedCheckpoint } from "../../src/ports/log-store.ts";
import type { WitnessAnswer } from "../../src/ports/witness.ts";
import type { CheckpointSigner } from "../../src/tlog/checkpoint-signer.ts";
import { requireSigned, signCheckpoint } from "../../src/tlog/sign-checkpoint.ts";
import type { WitnessFork } from "../../src/tlog/witness/ask-witness.ts";
import { WitnessRounds, type WitnessRoundsOptions } from "../../src/tlog/witness/witness-rounds.ts";
import { building } from "../contracts/log-store.ts";
import { FakeWitness } from "../fakes/fake-witness.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import { makeDirectWitness, type DirectWitness } from "./direct-witness.ts";
import { makeSubmissions, MANIFEST } from "./log-fixtures.ts";

/** The key of the logs in these tests, as a checkpoint signer. */
function makeSigner(): CheckpointSigner {
  const { privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject } = generateKeyPairSync("ed25519");
  const verifier = makeEd25519Verifier({
    name: MANIFEST.origin,
    type: SIGNATURE_TYPE.ed25519,
    publicKey: ed25519KeyOfSpki(publicKey.export({ type: "spki", format: "der" })),
  });
  return {
    ...verifier,
    isVerifiedAtOnce: true,
    sign: ({ text }) => Promise.resolve(new Uint8Array(sign(null, Buffer.from(text), privateKey))),
  };
}

/** Resolves when nothing more happens without new input. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A log in memory and witnesses of it, on a clock that only the test moves. */
export class WitnessLab {
  readonly clock = makeFakeClock();
  readonly signer = makeSigner();
  readonly witnesses: readonly DirectWitness[];
  readonly answers: [witness: string, answer: WitnessAnswer][] = [];
  readonly forks: WitnessFork[] = [];
  readonly storeFailures: MayflyError[] = [];
  readonly cosigned: PublishedCheckpoint[] = [];
  store: LogStore;
  rounds: WitnessRounds;
  #timers: { readonly call: () => void; readonly atMs: number }[] = [];
  #appended = 0;

  constructor(count: number, options: Partial<WitnessRoundsOptions> = {}) {
    const nowSeconds = (): number => Math.floor(this.clock.now() / 1_000);
    this.witnesses = Array.from({ length: count }, (_, at) => {
      const fake = new FakeWitness(`witness.test/w${String(at + 1)}`, nowSeconds);
      fake.learn(MANIFEST.origin, [this.signer]);
      return makeDirectWitness(fake);
    });
    this.store = this.makeStore();
    this.rounds = this.start(options);
  }

  /** An empty log of the same keys. */
  makeStore(): LogStore {
    return createMemoryLogStore({ manifest: MANIFEST, onFatal: (error) => void this.storeFailures.push(error) });
  }

  /** Starts to ask witnesses, as a process does that begins. */
  start(options: Partial<WitnessRoundsOptions> = {}): WitnessRounds {
    this.#timers = [];
    this.rounds = new WitnessRounds({
      witnesses: this.witnesses,
      store: this.store,
      clock: this.clock,
      required: 1,
      intervalMs: 1_000,
      maxBackOffMs: 60_000,
      requireSigned: (checkpoint) => {
        requireSigned(checkpoint, [this.signer]);
      },
      onAnswer: (witness, answer) => void this.answers.push([witness, answer]),
      onStoreFailure: (error) => void this.storeFailures.push(error),
      onCosigned: (checkpoint) => void this.cosigned.push(checkpoint),
      onFork: (fork) => {
        this.forks.push(fork);
        return new MayflyError("LOG_FORKED", fork.detail);
      },
      startTimer: (call, afterMs) => {
        const timer = { call, atMs: this.clock.monotonic() + afterMs };
        this.#timers.push(timer);
        return { stop: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
      },
      ...options,
    });
    return this.rounds;
  }

  /** Commits entries, and signs the tree; entries of other names make another tree. */
  async commit(count: number, name = "entry"): Promise<PublishedCheckpoint> {
    const submissions = makeSubmissions(`${name} ${String((this.#appended += 1))}`, count);
    if (count > 0) await this.store.append(building(submissions));
    return this.sign();
  }

  /** Signs the committed tree under a later time. */
  async sign(): Promise<PublishedCheckpoint> {
    this.clock.advance(1);
    const { size, root } = await this.store.head();
    return signCheckpoint({ origin: MANIFEST.origin, size, root, timestampMs: this.clock.now() }, [this.signer]);
  }

  /** Commits, signs and publishes. */
  async grow(count: number, name?: string): Promise<PublishedCheckpoint> {
    const checkpoint = await this.commit(count, name);
    await this.store.publish(checkpoint);
    return checkpoint;
  }

  /** Lets time pass, with every timer that ends in it. */
  async pass(ms: number): Promise<void> {
    const endMs = this.clock.monotonic() + ms;
    await settle();
    for (;;) {
      const [next] = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.clock.advance(Math.max(0, next.atMs - this.clock.monotonic()));
      next.call();
      await settle();
    }
    this.clock.advance(Math.max(0, endMs - this.clock.monotonic()));
  }

  /** What a witness has cosigned last. */
  seenBy(witness: number): { readonly size: number; readonly root: Uint8Array } {
    const direct = this.witnesses[witness];
    if (direct === undefined) throw new TypeError(`no witness ${String(witness)}`);
    return direct.fake.seen(MANIFEST.origin);
  }

  /** Names of those whose cosignatures a note has. */
  cosigners(checkpoint: PublishedCheckpoint | undefined): readonly string[] {
    const names = this.witnesses.map(({ name }) => name);
    return names.filter((name) => checkpoint?.note.includes(`\u2014 ${name} `) === true);
  }
}
