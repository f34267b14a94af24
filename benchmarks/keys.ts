import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { findTwoCores, type TwoCores } from "./cores.ts";
import { openEnvironment, type Environment } from "./environment.ts";
import { startKeyService, type KeyServiceProcess } from "./key-service-process.ts";
import { appendKeys, findKeyFaults, formatKeys, IN_FLIGHT, summarizeKeys } from "./keys-results.ts";
import type { KeyLayout, KeyLevel } from "./keys-results.ts";
import { startLoad } from "./load-process.ts";
import type { OverloadOrder, OverloadResult } from "./overload-callers.ts";
import { forgetPeakMemory, readProcessUsage } from "./process-usage.ts";

const HELP = `Usage: npm run bench:keys -- [--seconds N] [--append]

Measures one Mayfly whose keys are in a key service that takes 5, 20 and 100 ms for each call, at 1, 16, 64 and 256 callers:
first with the CA's key there; then, at 20 ms, with both keys of the log as well, and with a budget of signatures. Server
and callers have a core each; the service, which has real keys, shares that of the callers. Some five minutes.

  --seconds N   about so long for each load (default 5)
  --append      add a dated entry to benchmarks/RESULTS.md
  --help        show this text

The last line of the output is JSON. The exit code is 1 when a caller saw anything but certificates and refusals with
Retry-After, the service more calls at a time than it may, or the log lacks a certificate.
`;

/** Signatures a second that certificates may begin to ask for: fewer than the service could give. */
const BUDGET = 400;

interface Plan {
  readonly layout: KeyLayout;
  readonly loads: readonly { readonly latencyMs: number; readonly concurrency: number }[];
}

const loads = (latenciesMs: readonly number[], callers: readonly number[]): Plan["loads"] =>
  latenciesMs.flatMap((latencyMs) => callers.map((concurrency) => ({ latencyMs, concurrency })));

const PLANS: readonly Plan[] = [
  { layout: "CA", loads: loads([5, 20, 100], [1, 16, 64, 256]) },
  { layout: "CA and log", loads: loads([20], [16, 256]) },
  { layout: "CA, budget", loads: loads([20], [64]) },
];
/** V8 goes on compiling for some ten thousand requests, so that CPU is a little higher than that of a server in service. */
const WARM_UP = { concurrency: 64, count: 2_500 };
/** More would take as long to prepare as to send. */
const MOST_REQUESTS = 3_000;
const FEWEST_REQUESTS = 40;

interface Target extends Environment {
  readonly cores: TwoCores;
}

type Crowd = Pick<OverloadOrder, "concurrency" | "count">;

/** Certificates to expect of a load, each second, going by the service's latency, its places, and what a core can do. */
function expectedPerSecond(layout: KeyLayout, { latencyMs, concurrency }: Plan["loads"][number]): number {
  const callsInARow = layout === "CA and log" ? 5 : 2;
  const byCallers = (1_000 * concurrency) / (callsInARow * latencyMs + 10);
  const byPlaces = (1_000 * IN_FLIGHT) / (2 * latencyMs);
  return Math.min(byCallers, byPlaces, layout === "CA, budget" ? BUDGET / 2 : 600);
}

async function runLoad({ cores, ...target }: Target, crowd: Crowd): Promise<Omit<KeyLevel, LevelNames>> {
  const { host, port, issuer, serverPid } = target;
  const order: OverloadOrder = { host, port, issuer, ...crowd, manner: "at once", loneCount: 0 };
  const callers = await startLoad("overload-callers.ts", order, cores.callers);
  forgetPeakMemory(serverPid);
  const before = readProcessUsage(serverPid);
  callers.go();
  await callers.nextMessage();
  const after = readProcessUsage(serverPid);
  const { load } = (await callers.nextMessage()) as OverloadResult;
  const cpuMs = before === undefined || after === undefined ? undefined : after.cpuMs - before.cpuMs;
  return { ...load, cpuMs, peakRssMiB: after?.peakRssMiB };
}

type LevelNames = "layout" | "latencyMs" | "concurrency" | "calls" | "mostUnderWay";

/** All loads on one server. */
async function measure(target: Target, service: KeyServiceProcess, plan: Plan, seconds: number) {
  const levels: KeyLevel[] = [];
  await service.becomeSlow(0);
  const { acceptedMs, acceptedLate } = await runLoad(target, WARM_UP);
  let issued = acceptedMs.length + acceptedLate;
  for (const load of plan.loads) {
    const expected = Math.round(seconds * expectedPerSecond(plan.layout, load));
    const count = Math.min(MOST_REQUESTS, Math.max(FEWEST_REQUESTS, expected));
    await service.becomeSlow(load.latencyMs);
    const result = await runLoad(target, { concurrency: load.concurrency, count });
    const seen = await service.becomeSlow(load.latencyMs);
    issued += result.acceptedMs.length + result.acceptedLate;
    levels.push({ layout: plan.layout, ...load, ...result, ...seen });
    process.stderr.write(`${plan.layout}, ${String(load.latencyMs)} ms, ${String(load.concurrency)} callers\n`);
  }
  await service.becomeSlow(0);
  const treeSize = await target.treeSize();
  const holds = `${plan.layout}: ${String(issued)} certificates, and the log holds ${String(treeSize)}`;
  return { levels, faults: treeSize === issued ? [] : [holds] };
}

async function measureAll(cores: TwoCores, seconds: number) {
  const levels: KeyLevel[] = [];
  const faults: string[] = [];
  for (const plan of PLANS) {
    const service = await startKeyService(cores.callers);
    const { ca, ...logKeys } = service.keys.names;
    const remote = {
      ...service.keys,
      chainPem: service.chainPem,
      names: plan.layout === "CA and log" ? { ca, ...logKeys } : { ca },
      ...(plan.layout === "CA, budget" ? { signaturesPerSecond: BUDGET } : {}),
    };
    const environment = await openEnvironment({ core: cores.server, remote });
    const measured = await measure({ ...environment, cores }, service, plan, seconds);
    levels.push(...measured.levels);
    faults.push(...measured.faults);
    await environment.close();
    await service.stop();
  }
  return { levels, faults: [...findKeyFaults(levels), ...faults] };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "5" },
      append: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const seconds = Number(values.seconds);
  if (!Number.isInteger(seconds) || seconds <= 0) throw new RangeError(HELP);
  if (!existsSync("dist/bin.js")) throw new Error("dist/ is missing: npm run build");
  const cores = findTwoCores();
  if (typeof cores === "string") {
    console.log(`Skipped, as server and callers need a core each: ${cores}.`);
    return;
  }
  const { levels, faults } = await measureAll(cores, seconds);
  console.log(formatKeys(levels));
  if (values.append) appendKeys("benchmarks/RESULTS.md", levels);
  for (const fault of faults) console.log(`FAULT: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  console.log(JSON.stringify(summarizeKeys(levels)));
}

// The processes we started end with us, however we end.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
await main();
