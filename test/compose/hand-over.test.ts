import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { startGenerations } from "../../src/compose/generations.ts";
import { makeHandOver } from "../../src/compose/hand-over.ts";
import type { HandOver, HandOverParts } from "../../src/compose/hand-over.ts";
import type { SigningShardConfig } from "../../src/config/log-schema.ts";
import { planShardChange } from "../../src/config/shard-change.ts";
import type { ShardConfig } from "../../src/config/log-schema.ts";
import { MayflyError } from "../../src/core/errors.ts";
import type { CertificateLog } from "../../src/ports/certificate-log.ts";
import { makeFakeClock } from "../fakes/fake-clock.ts";
import type { FakeClock } from "../fakes/fake-clock.ts";
import { makeRecordingTelemetry } from "../fakes/recording-telemetry.ts";
import { sourceOf } from "../support/generation-source.ts";
import type { RecordingTelemetry } from "../fakes/recording-telemetry.ts";
import { makeGate } from "../support/held-calls.ts";
import type { Gate } from "../support/held-calls.ts";
import { ISSUED, REQUEST } from "../support/empty-issuance.ts";

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const RETRY_MS = 5_000;

/** A shard as it is after parsing. */
function shard(name: string, state: "staged" | "active", endMs?: number): SigningShardConfig {
  const signer = { kind: "memory" } as const;
  const window = endMs === undefined ? undefined : { startMs: 0, endMs };
  return { name, origin: name, directory: name, place: ["log"], window, state, signer, checkpointSigner: signer };
}

const frozen = (name: string): ShardConfig => ({ ...shard(name, "active"), state: "frozen" });

/** Shards that are open; each has a gate that holds who issues in it, and what happens to them is written down. */
class FakeShards {
  readonly events: string[] = [];
  readonly gates = new Map<string, Gate>();
  /** By origin: what freezing fails with, one for each attempt. */
  readonly failures: string[] = [];
  /** Where freezing is held. */
  freezing: Gate | undefined;
  #configs: readonly ShardConfig[];

  constructor(...configs: readonly ShardConfig[]) {
    this.#configs = configs;
  }

  get active(): HandOverParts["shards"]["active"] {
    const config = this.#configs.find((one): one is SigningShardConfig => one.state === "active")!;
    return { config, log: { certificateLog: this.#logOf(config.origin) } as OpenedLog };
  }

  get publicKeys(): readonly Uint8Array[] {
    return this.#configs.map(({ name }) => Buffer.from(name));
  }

  plan(wanted: readonly ShardConfig[]): ReturnType<HandOverParts["shards"]["plan"]> {
    return planShardChange(this.#configs, wanted);
  }

  change(wanted: readonly ShardConfig[]): Promise<void> {
    if (wanted.some(({ name }) => name === "missing")) return Promise.reject(new MayflyError("LOG_MISSING", "no log"));
    this.events.push(`opened ${wanted.map(({ name, state }) => `${name} ${state}`).join(", ")}`);
    this.#configs = wanted;
    return Promise.resolve();
  }

  async freeze(origin: string): Promise<void> {
    this.events.push(`freeze ${origin}`);
    await this.freezing?.pass();
    const failure = this.failures.shift();
    if (failure !== undefined) throw new MayflyError("LOG_WRITE_FAILED", failure);
    this.events.push(`${origin} frozen`);
  }

  #logOf(origin: string): CertificateLog {
    const gate = this.gates.get(origin) ?? makeGate();
    this.gates.set(origin, gate);
    return {
      requireOpen: () => undefined,
      add: async () => {
        await gate.pass();
        this.events.push(`logged in ${origin}`);
        return ISSUED.sct;
      },
    };
  }
}

type OpenedLog = HandOverParts["shards"]["active"]["log"];

describe("a hand-over", () => {
  let shards: FakeShards;
  let clock: FakeClock;
  let telemetry: RecordingTelemetry;
  let handOver: HandOver;
  let request: () => Promise<void>;

  beforeEach(() => {
    jest.useFakeTimers();
    shards = new FakeShards(shard("a", "active"), shard("b", "staged"), shard("c", "staged"));
    clock = makeFakeClock(NOW_MS);
    telemetry = makeRecordingTelemetry();
    const generations = startGenerations(
      sourceOf((number, { certificateLog, publicKeys }) => {
        shards.events.push(`generation ${String(number)} knows ${Buffer.concat(publicKeys).toString()}`);
        const issueCertificate = async (): Promise<typeof ISSUED> => {
          await certificateLog.add({} as Parameters<CertificateLog["add"]>[0]);
          return ISSUED;
        };
        return { number, issueCertificate, issuers: [], trustBundle: [] };
      }),
      { certificateLog: shards.active.log.certificateLog, publicKeys: shards.publicKeys },
    );
    shards.events.length = 0;
    handOver = makeHandOver({ shards, generations, clock, telemetry, retryMs: RETRY_MS });
    request = async () => {
      await generations.current().issueCertificate(REQUEST, new AbortController().signal);
    };
  });

  afterEach(async () => {
    await handOver.close();
    jest.useRealTimers();
  });

  /** Everything that is due without any time passing. */
  const settle = async (): Promise<void> => {
    await jest.advanceTimersByTimeAsync(0);
  };

  async function change(...wanted: readonly ShardConfig[]): Promise<void> {
    const planned = handOver.plan(wanted);
    expect(planned.refusals).toEqual([]);
    await handOver.change(wanted, planned);
    await settle();
  }

  const toB = (): Promise<void> => change(frozen("a"), shard("b", "active"), shard("c", "staged"));
  const toC = (): Promise<void> => change(frozen("a"), frozen("b"), shard("c", "active"));
  const passes = (name: string): void => shards.gates.get(name)?.open();
  const B_OPENED = ["opened a frozen, b active, c staged", "generation 2 knows abc"];

  it("makes the new generation first, waits for the requests of the old one, and freezes then", async () => {
    const before = [request(), request()];
    await toB();
    const after = request();
    passes("b");
    await after;
    await jest.advanceTimersByTimeAsync(10 * RETRY_MS);
    expect(shards.events).toEqual([...B_OPENED, "logged in b"]);
    passes("a");
    await Promise.all(before);
    await settle();
    expect(shards.events.slice(3)).toEqual(["logged in a", "logged in a", "freeze a", "a frozen"]);
    await jest.advanceTimersByTimeAsync(10 * RETRY_MS);
    expect(shards.events.at(-1)).toBe("a frozen");
    expect(telemetry.notices.map(({ message, fields }) => [message, fields["shard"]])).toEqual([
      ["shard activated", "b"],
    ]);
  });

  it("freezes at once where nothing is under way", async () => {
    await toB();
    expect(shards.events).toEqual([...B_OPENED, "freeze a", "a frozen"]);
  });

  it("freezes again what could not be frozen, until it is, and says so each time", async () => {
    shards.failures.push("the disk is full", "the disk is still full");
    await toB();
    expect(shards.events.slice(2)).toEqual(["freeze a"]);
    await jest.advanceTimersByTimeAsync(RETRY_MS);
    expect(shards.events.slice(2)).toEqual(["freeze a", "freeze a"]);
    await jest.advanceTimersByTimeAsync(RETRY_MS);
    expect(shards.events.slice(2)).toEqual(["freeze a", "freeze a", "freeze a", "a frozen"]);
    await jest.advanceTimersByTimeAsync(10 * RETRY_MS);
    expect(shards.events).toHaveLength(6);
    const failed = telemetry.notices.filter(({ level }) => level === "error");
    expect(failed.map(({ message, fields }) => [message, fields])).toEqual([
      ["a shard could not be frozen yet", { origin: "a", error: "the disk is full" }],
      ["a shard could not be frozen yet", { origin: "a", error: "the disk is still full" }],
    ]);
  });

  it("may follow one whose requests are still under way: each shard is frozen behind its own and all before", async () => {
    const inA = request();
    await toB();
    const inB = request();
    await toC();
    const inC = request();
    passes("b");
    passes("c");
    await Promise.all([inB, inC]);
    await jest.advanceTimersByTimeAsync(10 * RETRY_MS);
    // A request that came to the first generation is before both.
    expect(shards.events.filter((event) => event.startsWith("freeze"))).toEqual([]);
    passes("a");
    await inA;
    await settle();
    expect(shards.events.slice(-4).sort()).toEqual(["a frozen", "b frozen", "freeze a", "freeze b"]);
    expect(shards.events.filter((event) => event.startsWith("generation"))).toEqual([
      "generation 2 knows abc",
      "generation 3 knows abc",
    ]);
  });

  it("may follow one that is being frozen, and a shard that fails does not keep the other from it", async () => {
    shards.freezing = makeGate();
    await toB();
    await toC();
    expect(shards.events.filter((event) => event.startsWith("freeze"))).toEqual(["freeze a"]);
    shards.failures.push("the disk is full");
    shards.freezing.open();
    await settle();
    await jest.advanceTimersByTimeAsync(RETRY_MS);
    expect(shards.events.filter((event) => event.endsWith(" frozen")).sort()).toEqual(["a frozen", "b frozen"]);
  });

  it("has what is due frozen when the service ends, once more, and waits for it", async () => {
    shards.failures.push("the disk is full");
    await toB();
    shards.freezing = makeGate();
    const closing = handOver.close();
    let isOver = false;
    void closing.then(() => (isOver = true));
    await settle();
    expect([isOver, shards.events.slice(2)]).toEqual([false, ["freeze a", "freeze a"]]);
    shards.freezing.open();
    await closing;
    expect(shards.events.at(-1)).toBe("a frozen");
    await jest.advanceTimersByTimeAsync(10 * RETRY_MS);
    expect(shards.events).toHaveLength(5);
  });

  it("leaves to the next start what fails at the end, and the shard of a request that outlives the service", async () => {
    const late = request();
    await toB();
    await toC();
    await handOver.close();
    expect(shards.events.filter((event) => event.startsWith("freeze"))).toEqual([]);
    passes("a");
    await late;
    await jest.advanceTimersByTimeAsync(10 * RETRY_MS);
    expect(shards.events.filter((event) => event.startsWith("freeze"))).toEqual([]);
  });

  it("makes a generation for a shard that is only staged, whose keys nobody may have certified, and freezes nothing", async () => {
    await change(shard("a", "active"), shard("b", "staged"), shard("c", "staged"), shard("d", "staged"));
    expect(shards.events).toEqual(["opened a active, b staged, c staged, d staged", "generation 2 knows abcd"]);
    expect(telemetry.notices).toEqual([{ level: "info", message: "shard staged", fields: { shard: "d" } }]);
  });

  it("is none where nothing has changed", async () => {
    await change(shard("a", "active"), shard("b", "staged"), shard("c", "staged"));
    expect(shards.events).toEqual(["opened a active, b staged, c staged"]);
    expect(telemetry.notices).toEqual([]);
  });

  it("leaves generation and shards as they were when a new shard cannot be opened", async () => {
    const wanted = [shard("a", "active"), shard("b", "staged"), shard("c", "staged"), shard("missing", "staged")];
    const planned = handOver.plan(wanted);
    await expect(handOver.change(wanted, planned)).rejects.toMatchObject({ reason: "LOG_MISSING" });
    expect(shards.events).toEqual([]);
    expect(telemetry.notices).toEqual([]);
  });

  it("is refused to a shard that could not issue now, by the clock, and planned once it could", () => {
    shards = new FakeShards(shard("a", "active"), shard("b", "staged", NOW_MS + 1));
    const generations = startGenerations(
      sourceOf((number) => ({ number, issueCertificate: () => Promise.resolve(ISSUED), issuers: [], trustBundle: [] })),
      { certificateLog: shards.active.log.certificateLog, publicKeys: [] },
    );
    const limited = makeHandOver({ shards, generations, clock, telemetry });
    const wanted = [frozen("a"), shard("b", "active", NOW_MS + 1)];
    expect(limited.plan(wanted)).toMatchObject({ activated: { name: "b" }, refusals: [] });
    clock.advance(1);
    expect(limited.plan(wanted).refusals).toEqual(["shard b cannot be active now: the log's window ended 0 ms ago"]);
    return limited.close();
  });
});
