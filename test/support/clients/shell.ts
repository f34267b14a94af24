import { spawn } from "node:child_process";
import { clearTimeout, setTimeout } from "node:timers";

/** How commands ended, and all they said on either stream. */
export interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/** Where commands run, and with which variables; they have no others. */
export interface ShellOptions {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** No client needs as long, not even one that a slow machine starts for the first time. */
const LIMIT_MS = 180_000;

/** Runs commands as a user would type them, and stops at the first that fails. */
export async function runInShell(commands: string, { folder, environment }: ShellOptions): Promise<Finished> {
  const child = spawn("bash", ["-c", `set -euo pipefail\n${commands}`], {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const limit = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, LIMIT_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  clearTimeout(limit);
  return { code, output };
}
