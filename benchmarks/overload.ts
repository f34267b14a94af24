import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { findTwoCores, type TwoCores } from "./cores.ts";
import { openEnvironment, type Environment } from "./environment.ts";
import { startLoad } from "./load-process.ts";
import type { LoadOrder } from "./load.ts";
import type { LoadResult } from "./run-callers.ts";
import type { Manner, OverloadOrder, OverloadResult } from "./overload-callers.ts";
import {
  appendOverload,
  findFaults,
  formatOverload,
  readMetric,
  summarizeOverload,
  type OverloadLevel,
} from "./overload-results.ts";
import { forgetPeakMemory, readProcessUsage } from "./process-usage.ts";
import { median } from "./statistics.ts";

const HELP = `Usage: npm run bench:overload -- [--requests N] [--append]

Measures one Mayfly past saturation: the server has one core of its own, the callers another. 64, 512 and 1,900 callers send
one request after the other; a refused one is sent again at once, or when Retry-After allows it. At the end of each load a
lone caller goes on, until it is known when it was served as if there had been no load.

  --requests N  certificates per load (default 8000)
  --profile F   write CPU profiles of the server's threads into folder F; they cost, so the numbers are not comparable
  --append      add a dated entry to benchmarks/RESULTS.md
  --help        show this text

The last line of the output is JSON. The exit code is 1 when a caller saw anything but certificates and refusals with
Retry-After, or when recovery took more than 5 s.
`;

const LOADS: readonly { readonly concurrency: number; readonly manner: Manner }[] = [
  { concurrency: 64, manner: "at once" },
  { concurrency: 512, manner: "at once" },
  { concurrency: 512, manner: "polite" },
  // Nearly as many as there may be connections.
  { concurrency: 1_900, manner: "at once" },
];
/** V8 goes on compiling for some ten thousand requests, and again when there are first refusals; a server in service is past that. */
const WARM_UP = { concurrency: 64, count: 10_000 };
const WARM_UP_LOAD: OverloadCrowd = { concurrency: 512, manner: "at once", count: 4_000, loneCount: 500 };
const IDLE = { concurrency: 1, count: 500 };
const LONE_COUNT = 1_000;

interface Target extends Environment {
  readonly cores: TwoCores;
}

/** What one server was measured at. */
interface Measurement {
  readonly levels: readonly OverloadLevel[];
  /** Sentences about what must not be. */
  readonly faults: readonly string[];
}

/** Certificates to callers who are all served, and their latencies. */
async function issue({ cores, ...target }: Target, callers: typeof IDLE): Promise<readonly number[]> {
  const { host, port, issuer } = target;
  const order: LoadOrder = { host, port, issuer, ...callers };
  const load = await startLoad("load.ts", order, cores.callers);
  load.go();
  const { latenciesMs, failures } = (await load.nextMessage()) as LoadResult;
  const [failure] = failures;
  if (failure !== undefined) throw new Error(`${String(failures.length)} requests failed; the first: ${failure}`);
  return latenciesMs;
}

type OverloadCrowd = Pick<OverloadOrder, "concurrency" | "count" | "loneCount" | "manner">;

/** One load and the recovery from it. */
async function overload({ cores, ...target }: Target, crowd: OverloadCrowd): Promise<Omit<OverloadLevel, "idleP50Ms">> {
  const { host, port, issuer, serverPid } = target;
  const order: OverloadOrder = { host, port, issuer, ...crowd };
  const callers = await startLoad("overload-callers.ts", order, cores.callers);
  forgetPeakMemory(serverPid);
  const before = readProcessUsage(serverPid);
  // The delays of the event loop are counted anew from each look at them.
  await target.metrics();
  callers.go();
  await callers.nextMessage();
  const after = readProcessUsage(serverPid);
  const metrics = await target.metrics();
  const { load, lone } = (await callers.nextMessage()) as OverloadResult;
  return {
    concurrency: crowd.concurrency,
    manner: crowd.manner,
    ...load,
    lone,
    cpuMs: before === undefined || after === undefined ? undefined : after.cpuMs - before.cpuMs,
    peakRssMiB: after?.peakRssMiB,
    loopDelayP99Ms: readMetric(metrics, "nodejs_eventloop_lag_p99_seconds") * 1000,
    loopDelayMaxMs: readMetric(metrics, "nodejs_eventloop_lag_max_seconds") * 1000,
  };
}

async function measure(target: Target, count: number): Promise<Measurement> {
  let issued = 0;
  const issueMore = async (callers: typeof IDLE): Promise<readonly number[]> => {
    issued += callers.count;
    return issue(target, callers);
  };
  const overloadMore = async (crowd: OverloadCrowd): ReturnType<typeof overload> => {
    const level = await overload(target, crowd);
    issued += level.acceptedMs.length + level.acceptedLate + crowd.loneCount;
    return level;
  };
  await issueMore(WARM_UP);
  await overloadMore(WARM_UP_LOAD);
  const levels: OverloadLevel[] = [];
  for (const load of LOADS) {
    const idleP50Ms = median(await issueMore(IDLE));
    levels.push({ idleP50Ms, ...(await overloadMore({ ...load, count, loneCount: LONE_COUNT })) });
  }
  const treeSize = await target.treeSize();
  const holds = `${String(issued)} certificates, and the log holds ${String(treeSize)}`;
  return { levels, faults: [...findFaults(levels), ...(treeSize === issued ? [] : [holds])] };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      requests: { type: "string", default: "8000" },
      profile: { type: "string" },
      append: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const count = Number(values.requests);
  if (!Number.isInteger(count) || count <= 0) throw new RangeError(HELP);
  if (!existsSync("dist/bin.js")) throw new Error("dist/ is missing: npm run build");
  const cores = findTwoCores();
  if (typeof cores === "string") {
    console.log(`Skipped, as server and callers need a core each: ${cores}.`);
    return;
  }
  const environment = await openEnvironment({ core: cores.server, profileFolder: values.profile });
  const { levels, faults } = await measure({ ...environment, cores }, count);
  await environment.close();
  console.log(formatOverload(levels));
  if (values.append) appendOverload("benchmarks/RESULTS.md", levels);
  for (const fault of faults) console.log(`FAULT: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  console.log(JSON.stringify(summarizeOverload(levels)));
}

// The processes we started end with us, however we end.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
await main();
