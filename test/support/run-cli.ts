import { runProgram } from "../../src/cli/program.ts";
import type { CommandContext } from "../../src/cli/context.ts";
import { keepOutput } from "./keep-output.ts";

/** What a command left behind. */
export interface CliOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `mayfly` in this process, as `main.ts` would, and gives what it printed. */
export async function runCli(args: readonly string[], given: Partial<CommandContext> = {}): Promise<CliOutcome> {
  let stdout = "";
  let stderr = "";
  const code = await runProgram(args, {
    env: {},
    pid: 1,
    stdout: (text) => {
      stdout += text;
      keepOutput(text);
    },
    stderr: (text) => {
      stderr += text;
      keepOutput(text);
    },
    onStopSignal: () => undefined,
    onPauseSignal: () => undefined,
    onReadAgainSignal: () => undefined,
    onCrash: () => undefined,
    exit: () => undefined,
    ...given,
  });
  return { code, stdout, stderr };
}
