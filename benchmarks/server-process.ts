import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fetch } from "undici";
import { PROGRAM, type BenchmarkFiles } from "./benchmark-files.ts";
import { pinned } from "./cores.ts";

/** How the server runs. */
export interface ServerOptions {
  /** Where the server leaves CPU profiles of its threads; it is not profiled when left out. */
  readonly profileFolder?: string | undefined;
  /** The one core that all of its threads share; any when left out. */
  readonly core?: number;
}

/** A server that is ready. */
export interface ServerProcess {
  readonly pid: number;
  /** From the start of the process to the first 200 of `/readyz`, milliseconds. */
  readonly startMs: number;
  /** Stops it; rejects when it did not end cleanly. */
  readonly stop: () => Promise<void>;
}

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 20_000;

/**
 * Starts `mayfly serve` from `dist/` and waits until it is ready. It ends with this process at the latest.
 *
 * @throws Error with the server's log when it does not become ready
 */
export async function startServer(
  { folder, config, operationsPort }: BenchmarkFiles,
  { profileFolder, core }: ServerOptions = {},
): Promise<ServerProcess> {
  const logFile = join(folder, "server.log");
  const log = openSync(logFile, "w");
  const profiling =
    profileFolder === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(profileFolder)}` };
  // As a command, so that it runs with the settings of V8 in its first line.
  const [command, ...prefix] = pinned(core, PROGRAM);
  const spawned = performance.now();
  const server = spawn(command, [...prefix, "serve", "--config", config], {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...profiling },
  });
  endWithThis(server);
  await untilReady(server, logFile, operationsPort);
  if (server.pid === undefined) throw new Error("the server did not start");
  return {
    pid: server.pid,
    startMs: performance.now() - spawned,
    stop: async () => {
      const code = await stopProcess(server);
      if (code !== 0) throw new Error(`the server ended with ${String(code)}; its log: ${logFile}`);
    },
  };
}

/** Sees to it that a child does not outlive this process. */
export function endWithThis(child: ChildProcess): void {
  const kill = (): void => {
    child.kill();
  };
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
}

/** Asks a process to end and returns its exit code; null when it had to be killed. */
export async function stopProcess(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const limit = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
  child.kill("SIGTERM");
  await once(child, "exit");
  clearTimeout(limit);
  return child.exitCode;
}

async function untilReady(server: ChildProcess, logFile: string, operationsPort: number): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  while (!(await isReady(operationsPort))) {
    if (server.exitCode !== null || performance.now() > deadline) {
      throw new Error(`the server did not become ready:\n${readFileSync(logFile, "utf8")}`);
    }
    await new Promise((next) => setTimeout(next, 10));
  }
}

async function isReady(operationsPort: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${String(operationsPort)}/readyz`)).ok;
  } catch {
    return false;
  }
}
