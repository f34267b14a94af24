import { setTimeout as pause } from "node:timers/promises";
import type { CrashLab, LabRun, Mutant } from "./lab.ts";

/** Callers that ask at the same time. */
const CALLERS = 8;
/** Of so many kills one comes while the process is still starting. */
const STARTING = 5;
/** About as long as a start takes. */
const START_MS = 900;
/** Latest answer of a run to which a kill is tied, and how long after it the kill comes at most. */
const MAX_ANSWERS = 30;
const MAX_DELAY_MS = 8;

/** How one process ended. */
export interface KilledRun {
  readonly answered: number;
  readonly whileStarting: boolean;
}

/**
 * Starts a process, loads it and kills it at a random moment: a few milliseconds behind its n-th answer, or somewhere in its
 * start, which is a recovery.
 *
 * @param random gives 0 ≤ n < 1
 * @throws Error when the process ended before it was killed, or refused to start
 */
export async function killAtRandom(lab: CrashLab, random: () => number, mutant?: Mutant): Promise<KilledRun> {
  const whileStarting = random() < 1 / STARTING;
  const afterAnswers = 1 + Math.floor(random() * MAX_ANSWERS);
  const delayMs = random() * (whileStarting ? START_MS : MAX_DELAY_MS);
  const run = lab.start(mutant);
  const kill = async (): Promise<void> => {
    await pause(delayMs);
    run.process.signal("SIGKILL");
  };
  let killing = whileStarting ? kill() : undefined;
  const answered = await lab.load(run, CALLERS, (count) => {
    if (count >= afterAnswers) killing ??= kill();
  });
  await killing;
  await requireKilled(run);
  return { answered, whileStarting };
}

/** @throws Error with what the process said, unless it was killed */
export async function requireKilled({ process }: LabRun): Promise<void> {
  const { code, signal, lines, stderr } = await process.exited;
  if (signal === "SIGKILL") return;
  const errors = lines.filter(({ level }) => level === "error");
  throw new Error(`ended with ${String(code ?? signal)} before it was killed: ${JSON.stringify(errors)} ${stderr}`);
}
