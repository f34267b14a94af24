import { requireKilled } from "./kill-at-random.ts";
import type { CrashLab, LabRun } from "./lab.ts";

/** Loads a process with a few callers and kills it at its n-th answer. */
export async function killAtAnswer(lab: CrashLab, run: LabRun, answers: number): Promise<void> {
  await lab.load(run, 4, (count) => {
    if (count === answers) run.process.signal("SIGKILL");
  });
  await requireKilled(run);
}

/**
 * Brings a folder into the state that the head comparison is for: its database is an older copy, while head mark and audit
 * trail remember more.
 */
export async function putAnOlderDatabaseBack(lab: CrashLab): Promise<void> {
  await killAtAnswer(lab, lab.start(), 5);
  lab.copyDatabase();
  await killAtAnswer(lab, lab.start(), 5);
  lab.putBackDatabase();
}

/** The first error that a process told of, once it has ended. */
export async function refusalOf({ process }: LabRun): Promise<string> {
  const { code, lines } = await process.exited;
  const error = lines.find(({ level }) => level === "error")?.fields?.["error"] ?? "no error";
  return `${String(code)}: ${error}`;
}
