import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { measureCryptoFloor } from "./crypto-floor.ts";
import { openEnvironment, type Environment } from "./environment.ts";
import { startLoad } from "./load-process.ts";
import type { LoadOrder, LoadResult } from "./load.ts";
import { forgetPeakMemory, readProcessUsage } from "./process-usage.ts";
import { appendResults, formatTable, summarize, type LevelResult, type MemorySample } from "./results.ts";
import { median, percentile } from "./statistics.ts";

const HELP = `Usage: npm run bench -- [--requests N] [--rounds N] [--append] [--profile FOLDER]

Measures one Mayfly from dist/ in its own process: certificates a second, latency, CPU per certificate and memory at
1, 16 and 64 concurrent callers, against the cryptography that no implementation can leave out (the crypto floor). 16 go on
until 50,000 certificates are issued, to see whether memory keeps growing; 64 come last, as they take more of it.

  --requests N  certificates per round at 16 and 64 callers (default 3000; a quarter of it at 1)
  --rounds N    rounds per concurrency; the median of CPU, rate and latency counts (default 3)
  --profile F   write CPU profiles of the server's threads into folder F; they cost, so the numbers are not comparable
  --append      add a dated entry to benchmarks/RESULTS.md
  --help        show this text

The last line of the output is JSON.
`;

/** V8 goes on compiling for some ten thousand requests; a server in service is past that. */
const WARM_UP = { concurrency: 16, count: 4000, rounds: 3 };
/** Certificates after which the growth of memory is judged; their callers are as many as in the warm-up. */
const ENDURANCE = 50_000;

/** One round: requests are prepared by the load process, and only then the clocks start. */
async function runRound(target: Environment, concurrency: number, count: number): Promise<LevelResult> {
  const { host, port, issuer, serverPid } = target;
  const order: LoadOrder = { host, port, concurrency, count, issuer };
  const load = await startLoad("load.ts", order);
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
    perSecond: count / result.seconds,
    p50Ms: percentile(result.latenciesMs, 0.5),
    p99Ms: percentile(result.latenciesMs, 0.99),
    cpuMs: before === undefined || after === undefined ? undefined : (after.cpuMs - before.cpuMs) / count,
    peakRssMiB: after?.peakRssMiB,
  };
}

/** The rounds of one concurrency, each number the median of its rounds; memory is the peak. */
function condense(rounds: readonly LevelResult[]): LevelResult {
  const middle = (pick: (round: LevelResult) => number): number => median(rounds.map(pick));
  const [first] = rounds;
  if (first === undefined) throw new RangeError("no rounds");
  const cpuKnown = rounds.every(({ cpuMs }) => cpuMs !== undefined);
  return {
    concurrency: first.concurrency,
    perSecond: middle((round) => round.perSecond),
    p50Ms: middle((round) => round.p50Ms),
    p99Ms: middle((round) => round.p99Ms),
    cpuMs: cpuKnown ? middle((round) => round.cpuMs ?? 0) : undefined,
    peakRssMiB: cpuKnown ? Math.max(...rounds.map((round) => round.peakRssMiB ?? 0)) : undefined,
  };
}

/** What one server was measured at. */
interface Measurement {
  readonly levels: readonly LevelResult[];
  /** Peak memory of each round of the endurance run, in order. */
  readonly memory: readonly MemorySample[];
}

async function measure(target: Environment, requests: number, rounds: number): Promise<Measurement> {
  const memory: MemorySample[] = [];
  let issued = 0;
  const issue = async (concurrency: number, count: number): Promise<LevelResult> => {
    const result = await runRound(target, concurrency, count);
    issued += count;
    if (result.peakRssMiB !== undefined) memory.push({ issued, rssMiB: result.peakRssMiB });
    return result;
  };
  const level = async (concurrency: number, count: number): Promise<LevelResult> => {
    const results: LevelResult[] = [];
    for (let round = 0; round < rounds; round++) results.push(await issue(concurrency, count));
    return condense(results);
  };
  for (let round = 0; round < WARM_UP.rounds; round++) await issue(WARM_UP.concurrency, WARM_UP.count);
  const levels = [await level(1, Math.ceil(requests / 4)), await level(16, requests)];
  while (issued < ENDURANCE) await issue(WARM_UP.concurrency, Math.min(WARM_UP.count, ENDURANCE - issued));
  const endurance = [...memory];
  levels.push(await level(64, requests));
  const treeSize = await target.treeSize();
  if (treeSize !== issued) throw new Error(`${String(issued)} certificates, but the log holds ${String(treeSize)}`);
  return { levels, memory: endurance };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      requests: { type: "string", default: "3000" },
      rounds: { type: "string", default: "3" },
      append: { type: "boolean", default: false },
      profile: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const [requests, rounds] = [Number(values.requests), Number(values.rounds)];
  if (![requests, rounds].every((value) => Number.isInteger(value) && value > 0)) throw new RangeError(HELP);
  if (!existsSync("dist/bin.js")) throw new Error("dist/ is missing: npm run build");
  const floorBefore = measureCryptoFloor();
  const target = await openEnvironment({ profileFolder: values.profile });
  const startRssMiB = readProcessUsage(target.serverPid)?.peakRssMiB;
  const { levels, memory } = await measure(target, requests, rounds);
  await target.close();
  const floorRuns = [...floorBefore, ...measureCryptoFloor()];
  const summary = summarize({ levels, memory, floorUs: median(floorRuns), startMs: target.startMs, startRssMiB });
  console.log(formatTable(levels, summary.floorUs));
  if (values.append) appendResults("benchmarks/RESULTS.md", levels, summary);
  console.log(JSON.stringify(summary));
}

// The processes we started end with us, however we end.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
await main();
