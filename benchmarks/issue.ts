import { measureCryptoFloor } from "./crypto-floor.ts";
import { openEnvironment, type Environment } from "./environment.ts";
import { startLoad } from "./load-process.ts";
import type { LoadOrder } from "./load.ts";
import { forgetPeakMemory, readProcessUsage } from "./process-usage.ts";
import {
  condense,
  summarize,
  type LevelResult,
  type MeasuredRound,
  type MemorySample,
  type RoundResult,
  type Summary,
} from "./results.ts";
import type { LoadResult } from "./run-callers.ts";
import { median, percentile } from "./statistics.ts";

/** How much is issued, and whether the server is profiled meanwhile. */
export interface IssuanceOptions {
  /** Certificates per round at 16 and 64 callers; a quarter of it at 1. */
  readonly requests: number;
  /** Rounds per concurrency. */
  readonly rounds: number;
  /** Folder for CPU profiles of the server's threads. */
  readonly profileFolder?: string | undefined;
}

/** V8 goes on compiling for some ten thousand requests; a server in service is past that. */
const WARM_UP = { concurrency: 16, count: 4000, rounds: 3 };
/**
 * Certificates after which the growth of memory is judged, and what one costs; their callers are as many as in the warm-up.
 * V8 changes its mind about few functions as late as this.
 */
const ENDURANCE = 50_000;

/** How the callers of a level come, and the script that they are; `http` is version 2. */
const ENTRANCES = { http: "load.ts", v1: "load.ts", gRPC: "load-grpc.ts" } as const;
type Entrance = keyof typeof ENTRANCES;

interface Round {
  readonly concurrency: number;
  readonly count: number;
  readonly entrance: Entrance;
}

/** One round: requests are prepared by the load process, and only then the clocks start. */
async function runRound(target: Environment, { concurrency, count, entrance }: Round): Promise<RoundResult> {
  const { host, port, issuer, serverPid } = target;
  const order: LoadOrder = { host, port, concurrency, count, issuer, ...(entrance === "v1" ? { version: "v1" } : {}) };
  const load = await startLoad(ENTRANCES[entrance], order);
  forgetPeakMemory(serverPid);
  const before = readProcessUsage(serverPid);
  load.go();
  const result = (await load.nextMessage()) as LoadResult;
  const after = readProcessUsage(serverPid);
  const [failure] = result.failures;
  if (failure !== undefined)
    throw new Error(`${String(result.failures.length)} requests failed; the first: ${failure}`);
  return {
    concurrency,
    ...(entrance === "http" ? {} : { entrance }),
    perSecond: count / result.seconds,
    p50Ms: percentile(result.latenciesMs, 0.5),
    p99Ms: percentile(result.latenciesMs, 0.99),
    cpuMs: before === undefined || after === undefined ? undefined : (after.cpuMs - before.cpuMs) / count,
    peakRssMiB: after?.peakRssMiB,
  };
}

/**
 * The rounds of one level, each between two measurements of the crypto floor: the machine's speed changes within seconds, and
 * what a round costs says something only next to what the floor cost in the same seconds.
 */
async function runLevel(rounds: number, runOne: () => Promise<RoundResult>): Promise<LevelResult> {
  const results: MeasuredRound[] = [];
  let before = median(measureCryptoFloor());
  for (let round = 0; round < rounds; round++) {
    const result = await runOne();
    const after = median(measureCryptoFloor());
    results.push({ ...result, floorUs: (before + after) / 2 });
    before = after;
  }
  return condense(results);
}

/** What one server was measured at. */
interface Measurement {
  readonly levels: readonly LevelResult[];
  /** The first version of the API, after all others. */
  readonly v1: LevelResult;
  /** Peak memory of each round of the endurance run, in order. */
  readonly memory: readonly MemorySample[];
}

async function measure(target: Environment, requests: number, rounds: number): Promise<Measurement> {
  const memory: MemorySample[] = [];
  let issued = 0;
  const issue = async (concurrency: number, count: number, entrance: Entrance = "http"): Promise<RoundResult> => {
    const result = await runRound(target, { concurrency, count, entrance });
    issued += count;
    if (result.peakRssMiB !== undefined) memory.push({ issued, rssMiB: result.peakRssMiB });
    return result;
  };
  const level = (concurrency: number, count: number, entrance?: Entrance): Promise<LevelResult> =>
    runLevel(rounds, () => issue(concurrency, count, entrance));
  for (let round = 0; round < WARM_UP.rounds; round++) await issue(WARM_UP.concurrency, WARM_UP.count);
  const alone = await level(1, Math.ceil(requests / 4));
  while (issued < ENDURANCE) await issue(WARM_UP.concurrency, Math.min(WARM_UP.count, ENDURANCE - issued));
  const endurance = [...memory];
  const levels = [alone, await level(16, requests), await level(64, requests)];
  const v1 = await level(16, requests, "v1");
  const treeSize = await target.treeSize();
  if (treeSize !== issued) throw new Error(`${String(issued)} certificates, but the log holds ${String(treeSize)}`);
  return { levels, v1, memory: endurance };
}

/** The same at 16 callers, by a server of its own: what only it has must not hold what the others need. */
async function measureApart(
  target: Environment,
  entrance: Entrance,
  { requests, rounds }: Pick<IssuanceOptions, "requests" | "rounds">,
): Promise<LevelResult> {
  const { concurrency, count } = WARM_UP;
  // As many before it is measured as the first server has issued then, or its code would be younger.
  const warmUps = Math.ceil(ENDURANCE / count);
  for (let round = 0; round < warmUps; round++) await runRound(target, { concurrency, count, entrance });
  const result = await runLevel(rounds, () => runRound(target, { concurrency: 16, count: requests, entrance }));
  const [treeSize, issued] = [await target.treeSize(), warmUps * count + rounds * requests];
  if (treeSize !== issued) throw new Error(`${String(issued)} certificates, but the log holds ${String(treeSize)}`);
  await target.close();
  return result;
}

/**
 * Measures issuance: one server from `dist/` at 1, 16 and 64 callers and by version 1 at 16, then at 16 another over gRPC, and a
 * third that has 200 issuers and 1,000 claim rules, each round against the crypto floor of the same seconds.
 *
 * @throws Error when a request fails, or the log does not hold what was issued
 */
export async function measureIssuance(
  options: IssuanceOptions,
): Promise<{ readonly levels: readonly LevelResult[]; readonly summary: Summary }> {
  const { requests, rounds, profileFolder } = options;
  const target = await openEnvironment({ profileFolder });
  const startRssMiB = readProcessUsage(target.serverPid)?.peakRssMiB;
  const { levels, v1, memory } = await measure(target, requests, rounds);
  await target.close();
  const summary = summarize({ levels, memory, startMs: target.startMs, startRssMiB });
  const gRPC = await measureApart(await openEnvironment({ grpc: true }), "gRPC", options);
  const crowded = await measureApart(await openEnvironment({ crowded: true }), "http", options);
  return { levels: [...levels, v1, gRPC, { ...crowded, entrance: "1,000 rules" }], summary };
}
