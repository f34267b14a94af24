import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** What to run: `mayfly serve` from the sources unless `command` and `program` say otherwise. */
export interface ProcessOptions {
  readonly command?: readonly string[];
  readonly configFile: string;
  /** Path of `bin.ts` or `bin.js`. */
  readonly program?: string;
  /** For Node.js itself. */
  readonly nodeArguments?: readonly string[];
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** One line of the process's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly fields?: Readonly<Record<string, string>>;
}

/** A `mayfly` in a process of its own. */
export interface MayflyProcess {
  readonly pid: number | undefined;
  readonly signal: (name: NodeJS.Signals) => void;
  /** The first log line with this message, said already or later; rejects when the process ends without it. */
  readonly line: (message: string) => Promise<LogLine>;
  /** When the process has ended and all its output was read. */
  readonly exited: Promise<Exit>;
}

/** How a process ended, and all it said. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly LogLine[];
  readonly stderr: string;
}

const SOURCE_PROGRAM = new URL("../../src/bin.ts", import.meta.url).pathname;

/** Starts `mayfly`. Whoever starts one waits for its end. */
export function startMayflyProcess(options: ProcessOptions): MayflyProcess {
  const args = [...(options.nodeArguments ?? []), options.program ?? SOURCE_PROGRAM];
  const child = spawn(process.execPath, [...args, ...(options.command ?? ["serve"]), "--config", options.configFile], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.environment },
  });
  return followMayfly(child, (name) => child.kill(name));
}

/** Reads what a `mayfly` that was started says, until it ends. `signal` sends it one, wherever it runs. */
export function followMayfly(
  child: ChildProcessByStdio<null, Readable, Readable>,
  signal: MayflyProcess["signal"],
): MayflyProcess {
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(parseLine(line));
    wake();
  });
  let ended = false;
  const exited = new Promise<Exit>((resolve) => {
    child.once("close", (code, endedBy) => {
      ended = true;
      wake();
      resolve({ code, signal: endedBy, lines, stderr });
    });
  });
  const line = (message: string): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find(({ msg }) => msg === message);
        if (found === undefined && !ended) return;
        waiting.delete(look);
        if (found === undefined) reject(new Error(`ended without "${message}": ${JSON.stringify(lines)} ${stderr}`));
        else resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { pid: child.pid, signal, line, exited };
}

/** A process that was killed may have written half a line. */
function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { level: "torn", msg: text };
  }
}
