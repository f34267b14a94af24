import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** How to start a program that a real issuer consists of. */
export interface IssuerProgramOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Where it runs; made if need be, and what it says is kept there. */
  readonly folder: string;
  /** Variables beside PATH and HOME. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it answers by now; a rejection is a no. */
  readonly isReady: () => Promise<boolean>;
}

/** A program that runs. */
export interface IssuerProgram {
  /** Ends it at once, with all that it started. */
  readonly stop: () => Promise<void>;
  /** Stops it so that its port stays open and nobody answers, and lets it go on. */
  readonly freeze: () => void;
  readonly thaw: () => void;
}

/** Keycloak builds itself at its first start. */
const START_LIMIT_MS = 180_000;
const LOOK_EVERY_MS = 100;

interface Running {
  /** Ends it at once; does not wait. */
  readonly kill: () => void;
  readonly stop: () => Promise<void>;
}
const RUNNING = new Set<Running>();

process.once("exit", () => {
  for (const { kill } of RUNNING) kill();
});

/** Ends every program that was started here and still runs, whoever still knows of it. */
export async function stopIssuerPrograms(): Promise<void> {
  await Promise.allSettled([...RUNNING].map(({ stop }) => stop()));
}

/**
 * Starts a program and waits until it is ready.
 *
 * @throws Error with the end of what it said when it ends or is late
 */
export async function startIssuerProgram(options: IssuerProgramOptions): Promise<IssuerProgram> {
  const { program, args, folder, environment } = options;
  mkdirSync(folder, { recursive: true });
  const log = join(folder, "output.log");
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: process.env["PATH"], HOME: folder, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: some are shell scripts, which a signal would end alone.
    detached: true,
  });
  const output = createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) stream.pipe(output, { end: false });
  let failure: Error | undefined;
  const ended = new Promise<void>((resolve) => {
    child
      .once("error", (error) => {
        failure = error;
        resolve();
      })
      .once("close", resolve);
  });
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(-child.pid, name);
  };
  const kill = (): void => {
    signal("SIGKILL");
  };
  const stop = async (): Promise<void> => {
    kill();
    await ended;
    RUNNING.delete(running);
  };
  const running = { kill, stop };
  RUNNING.add(running);
  const lateMs = Date.now() + START_LIMIT_MS;
  while (!(await options.isReady().catch(() => false))) {
    const isAlive = failure === undefined && child.exitCode === null && child.signalCode === null;
    if (isAlive && Date.now() < lateMs) {
      await pause(LOOK_EVERY_MS);
      continue;
    }
    await stop();
    const said = failure?.message ?? readFileSync(log, "utf8").slice(-2_000);
    throw new Error(`${program} did not start: ${said}`);
  }
  return {
    stop,
    freeze: () => {
      signal("SIGSTOP");
    },
    thaw: () => {
      signal("SIGCONT");
    },
  };
}
