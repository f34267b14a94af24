import { fork, spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { on, once } from "node:events";
import { readFileSync } from "node:fs";
import { fetch } from "undici";
import { tilePath, TILE_WIDTH } from "../src/core/merkle/tile.ts";
import { makeBenchmarkFiles, PROGRAM, removeBenchmarkFiles, type BenchmarkFiles } from "./benchmark-files.ts";
import { findTwoCores, type TwoCores } from "./cores.ts";
import { startIssuer } from "./issuer-process.ts";
import { startLoad } from "./load-process.ts";
import type { ReadOrder, ReadResult } from "./log-readers.ts";
import type { AppendLevel, GrowthPoint, LogResults, ReadLevel, VerifyRun } from "./log-results.ts";
import type { AppendOrder, AppendResult, WriterOrder, WriterReady } from "./log-writer.ts";
import { readProcessUsage, readReadBytes, readWrittenBytes } from "./process-usage.ts";
import { endWithThis, startServer } from "./server-process.ts";
import { median, percentile } from "./statistics.ts";

/** How large the log becomes, and who hears how far it is. */
export interface LogOptions {
  /** Entries. */
  readonly entries: number;
  readonly onProgress: (line: string) => void;
}

/** Callers of the append levels, and entries of each: some seconds. */
const APPENDS: readonly AppendOrder[] = [
  { concurrency: 1, count: 1_500 },
  { concurrency: 16, count: 16_384 },
  { concurrency: 256, count: 32_768 },
];
/** V8 goes on compiling for some ten thousand entries. */
const WARM_UP: AppendOrder = { concurrency: 64, count: 20_000 };
/** Sizes at which it is measured what entries cost, and the entries that it is measured with. */
const GROWTH_POINTS = [1_000, 10_000, 100_000, 1_000_000];
const GROWTH_WINDOW: AppendOrder = { concurrency: 256, count: 8_192 };
/** Between two points, so that progress can be told. */
const GROWTH_STEP = 65_536;
/** Longer than a quiet log waits before its WAL is copied back. */
const SETTLED_MS = 1_000;

/** One address may have 16 large reads at once; a place is free when the answer before it is all sent. */
const READ_CONCURRENCY = 12;
const READ_WARM_UP = 10_000;
const READS = 30_000;
const STARTS = 3;

/**
 * Measures the log: appending, growing, and what a log of many entries costs to start, read and verify.
 *
 * @throws Error when something is refused, or the log does not verify
 */
export async function measureLog({ entries, onProgress }: LogOptions): Promise<LogResults> {
  const { issuer, stop: stopIssuer } = await startIssuer();
  onProgress("appending at 1, 16 and 256 callers");
  const small = await makeBenchmarkFiles(issuer.url);
  const appends = await measureAppends(small);
  removeBenchmarkFiles(small);
  const files = await makeBenchmarkFiles(issuer.url);
  const { growth, size } = await measureGrowth(files, entries, onProgress);
  onProgress("starting and reading");
  const served = await measureServer(files, size);
  onProgress("verifying");
  // The second one finds in memory what the first had to read.
  const verify = [await measureVerify(files, size), await measureVerify(files, size)];
  await stopIssuer();
  removeBenchmarkFiles(files);
  return { appends, growth, size, ...served, verify };
}

/** The settings that the program starts with, which stand in its first line. */
function settingsOfProgram(): { readonly env: Readonly<Record<string, string>>; readonly execArgv: readonly string[] } {
  const [, name, value, flags] = /^#!.* (\w+)=(\d+) node (.*)$/mu.exec(readFileSync(PROGRAM, "utf8")) ?? [];
  if (name === undefined || value === undefined || flags === undefined) throw new Error(`${PROGRAM} has no settings`);
  return { env: { [name]: value }, execArgv: flags.split(" ") };
}

/** A log in a process of its own. */
interface Writer {
  readonly pid: number;
  append(order: AppendOrder): Promise<AppendResult>;
  close(): Promise<void>;
}

async function openWriter(files: BenchmarkFiles): Promise<Writer> {
  const { env, execArgv } = settingsOfProgram();
  const child = fork(new URL("log-writer.ts", import.meta.url), {
    serialization: "advanced",
    env: { ...process.env, ...env },
    execArgv: [...execArgv, "--expose-gc"],
  });
  endWithThis(child);
  const messages = on(child, "message", { close: ["exit"] });
  const ask = async (message: WriterOrder | AppendOrder | "close"): Promise<unknown> => {
    child.send(message);
    const next = (await messages.next()) as IteratorResult<readonly unknown[], undefined>;
    if (next.value === undefined) throw new Error("the log's process ended");
    return next.value[0];
  };
  const { size } = (await ask({ files })) as WriterReady;
  if (size !== 0 || child.pid === undefined) throw new Error("a benchmark begins with an empty log");
  return {
    pid: child.pid,
    append: async (order) => (await ask(order)) as AppendResult,
    close: async () => {
      const exited = once(child, "exit");
      await ask("close");
      await exited;
    },
  };
}

async function measureAppends(files: BenchmarkFiles): Promise<readonly AppendLevel[]> {
  const writer = await openWriter(files);
  await writer.append(WARM_UP);
  const levels: AppendLevel[] = [];
  for (const order of APPENDS) {
    const { seconds, latenciesMs } = await writer.append(order);
    levels.push({
      concurrency: order.concurrency,
      perSecond: order.count / seconds,
      p50Ms: percentile(latenciesMs, 0.5),
      p99Ms: percentile(latenciesMs, 0.99),
    });
  }
  await writer.close();
  return levels;
}

async function measureGrowth(
  files: BenchmarkFiles,
  entries: number,
  onProgress: LogOptions["onProgress"],
): Promise<{ readonly growth: readonly GrowthPoint[]; readonly size: number }> {
  const writer = await openWriter(files);
  const growth: GrowthPoint[] = [];
  let size = 0;
  const append = async (count: number): Promise<AppendResult> => {
    const result = await writer.append({ ...GROWTH_WINDOW, count });
    size += count;
    return result;
  };
  for (const point of GROWTH_POINTS.filter((each) => each <= entries)) {
    while (size < point) {
      await append(Math.min(GROWTH_STEP, point - size));
      onProgress(`a log of ${String(size)} entries`);
    }
    await untilSettled(writer.pid);
    growth.push(await measureWindow(writer.pid, size, () => append(GROWTH_WINDOW.count)));
  }
  await writer.close();
  return { growth, size };
}

async function measureWindow(pid: number, size: number, append: () => Promise<AppendResult>): Promise<GrowthPoint> {
  const before = readWrittenBytes(pid);
  const { cpuMs, rssMiB, usedMiB } = await append();
  await untilSettled(pid);
  const after = readWrittenBytes(pid);
  const { count } = GROWTH_WINDOW;
  return {
    size,
    cpuUsPerEntry: (cpuMs * 1_000) / count,
    writtenBytesPerEntry: before === undefined || after === undefined ? undefined : (after - before) / count,
    rssMiB,
    usedMiB,
  };
}

/** Resolves when a process has written nothing for a while: its WAL has been copied back. */
async function untilSettled(pid: number): Promise<void> {
  for (let written = readWrittenBytes(pid); ;) {
    await new Promise((next) => setTimeout(next, SETTLED_MS));
    const now = readWrittenBytes(pid);
    if (now === written) return;
    written = now;
  }
}

type Served = Pick<LogResults, "startMs" | "startRssMiB" | "reads">;

async function measureServer(files: BenchmarkFiles, size: number): Promise<Served> {
  const starts: number[] = [];
  for (let start = 1; start < STARTS; start++) {
    const server = await startServer(files);
    starts.push(server.startMs);
    await server.stop();
  }
  const cores = findTwoCores();
  const server = await startServer(files, typeof cores === "string" ? {} : { core: cores.server });
  // A start with one core of its own is another thing than one with all.
  if (typeof cores === "string") starts.push(server.startMs);
  const startRssMiB = readProcessUsage(server.pid)?.peakRssMiB;
  const reads = typeof cores === "string" ? [] : await measureReads(files, { size, cores });
  await server.stop();
  return { startMs: median(starts), startRssMiB, reads };
}

async function measureReads(
  { port }: BenchmarkFiles,
  { size, cores }: { readonly size: number; readonly cores: TwoCores },
): Promise<readonly ReadLevel[]> {
  const log = `http://127.0.0.1:${String(port)}/benchmark`;
  const tiles = Array.from({ length: 1_000 }, () => randomInt(Math.floor(size / TILE_WIDTH)));
  const hashes = await leafHashes(log, tiles.slice(0, 100));
  const treeSize = String(size);
  const proofs = hashes.map((hash) => `get-proof-by-hash?hash=${encodeURIComponent(hash)}&tree_size=${treeSize}`);
  const kinds: readonly (readonly [string, readonly string[]])[] = [
    ["checkpoint", ["/benchmark/checkpoint"]],
    ["hash tile", tiles.map((index) => `/benchmark/${tilePath({ kind: "hash", level: 0, index, width: TILE_WIDTH })}`)],
    ["data tile", tiles.map((index) => `/benchmark/${tilePath({ kind: "data", index, width: TILE_WIDTH })}`)],
    ["proof by hash", proofs.map((proof) => `/benchmark/ct/v1/${proof}`)],
    ["entry and proof", hashes.map(() => entryAndProof(size))],
  ];
  const levels: ReadLevel[] = [];
  for (const [what, paths] of kinds) {
    // A data tile has a megabyte.
    const share = what === "data tile" ? 20 : 1;
    await readAll(port, { paths, count: READ_WARM_UP / share, cores });
    const { seconds, latenciesMs } = await readAll(port, { paths, count: READS / share, cores });
    levels.push({ what, perSecond: latenciesMs.length / seconds, p99Ms: percentile(latenciesMs, 0.99) });
  }
  return levels;
}

function entryAndProof(size: number): string {
  return `/benchmark/ct/v1/get-entry-and-proof?leaf_index=${String(randomInt(size))}&tree_size=${String(size)}`;
}

interface Reads {
  readonly paths: readonly string[];
  readonly count: number;
  readonly cores: TwoCores;
}

async function readAll(port: number, { paths, count, cores }: Reads): Promise<ReadResult> {
  const order: ReadOrder = { host: "127.0.0.1", port, concurrency: READ_CONCURRENCY, count, paths };
  const readers = await startLoad("log-readers.ts", order, cores.callers);
  readers.go();
  const result = (await readers.nextMessage()) as ReadResult;
  const [failure] = result.failures;
  if (failure !== undefined) throw new Error(`${String(result.failures.length)} reads failed; the first: ${failure}`);
  return result;
}

/** Leaf hashes, base64, one from each tile. */
async function leafHashes(log: string, tiles: readonly number[]): Promise<readonly string[]> {
  const hashes: string[] = [];
  for (const index of tiles) {
    const answer = await fetch(`${log}/${tilePath({ kind: "hash", level: 0, index, width: TILE_WIDTH })}`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const at = 32 * randomInt(TILE_WIDTH);
    hashes.push(bytes.subarray(at, at + 32).toString("base64"));
  }
  return hashes;
}

async function measureVerify(files: BenchmarkFiles, size: number): Promise<VerifyRun> {
  const started = performance.now();
  // As a command, so that it runs with the settings in its first line.
  const child = spawn(PROGRAM, ["log", "verify", "--config", files.config], { stdio: ["ignore", "pipe", "inherit"] });
  endWithThis(child);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const usage = await watchUsage(child);
  const seconds = (performance.now() - started) / 1_000;
  if (child.exitCode !== 0) throw new Error(`the log does not verify:\n${output}`);
  return { entriesPerSecond: size / seconds, ...usage };
}

/** The most memory that a process took and what it read from the disk, once it has ended. */
async function watchUsage(child: ChildProcess): Promise<Omit<VerifyRun, "entriesPerSecond">> {
  let peakRssMiB: number | undefined;
  let readBytes: number | undefined;
  const timer = setInterval(() => {
    if (child.pid === undefined || child.exitCode !== null) return;
    peakRssMiB = readProcessUsage(child.pid)?.peakRssMiB ?? peakRssMiB;
    readBytes = readReadBytes(child.pid) ?? readBytes;
  }, 200);
  await once(child, "close");
  clearInterval(timer);
  return { peakRssMiB, readMiB: readBytes === undefined ? undefined : readBytes / 2 ** 20 };
}
