import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** How to start `mayfly serve`. */
export interface MayflyProcessOptions {
  readonly configFile: string;
  /** Where its standard output and error go. */
  readonly logFile: string;
  readonly operationsUrl: string;
  readonly deadlineMs?: number;
}

/** A running `mayfly serve`. */
export interface MayflyProcess {
  readonly pid: number;
  /** Resolves with the exit code; -1 when a signal ended it. */
  readonly exited: Promise<number>;
  /** Asks it to drain and leave, and waits until it has. */
  readonly stop: () => Promise<number>;
}

const PROGRAM = join(import.meta.dirname, "..", "src", "bin.ts");

/**
 * Starts `mayfly serve` as a process of its own and waits until it says that it is ready. It is asked to leave when this
 * process exits.
 *
 * @throws Error with the last lines of its log when it ends, or is not ready within the deadline (20 s)
 */
export async function startMayfly(options: MayflyProcessOptions): Promise<MayflyProcess> {
  const log = openSync(options.logFile, "w");
  const child = spawn(process.execPath, [PROGRAM, "serve", "--config", options.configFile], {
    stdio: ["ignore", log, log],
    // Not in our process group: Ctrl-C reaches quickstart, which then asks the server to drain.
    detached: true,
  });
  closeSync(log);
  const exited = exitCodeOf(child);
  // Not in our process group, so whatever ends this process would leave it behind.
  const takeAlong = (): void => void child.kill("SIGTERM");
  process.once("exit", takeAlong);
  void exited.then(() => process.off("exit", takeAlong));
  const stop = async (): Promise<number> => {
    child.kill("SIGTERM");
    return exited;
  };
  try {
    await ready(options, exited);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return { pid: child.pid ?? 0, exited, stop };
}

async function exitCodeOf(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? -1;
}

async function ready(options: MayflyProcessOptions, exited: Promise<number>): Promise<void> {
  const deadline = Date.now() + (options.deadlineMs ?? 20_000);
  let exitCode: number | undefined;
  void exited.then((code) => {
    exitCode = code;
  });
  while (Date.now() < deadline) {
    if (exitCode !== undefined) {
      throw new Error(`mayfly serve ended with code ${String(exitCode)}:\n${lastLines(options.logFile)}`);
    }
    const answer = await globalThis.fetch(`${options.operationsUrl}/readyz`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    await wait(25);
  }
  throw new Error(`mayfly serve was not ready in time:\n${lastLines(options.logFile)}`);
}

function lastLines(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-10).join("\n");
}
