import { killAtRandom } from "./kill-at-random.ts";
import { withCrashLab, type Mutant } from "./lab.ts";
import { makeRandom } from "./random.ts";

/** What came of a number of kills on one data folder. */
export interface KillSeries {
  readonly kills: number;
  readonly killsWhileStarting: number;
  /** Promises that were broken, each as often as it was found. */
  readonly broken: readonly string[];
  /** Certificates that reached a caller. */
  readonly scts: number;
  /** Different checkpoints that reached a reader. */
  readonly checkpoints: number;
  readonly entries: number;
  /** First lines of processes in the audit trail. */
  readonly auditStarts: number;
  /** Processes that were ready before they were killed. */
  readonly readyStarts: number;
}

/** What a series of kills is made of. */
export interface KillSeriesOptions {
  readonly kills: number;
  /** Equal seeds give equal moments, as far as a moment can be chosen. */
  readonly seed: number;
  /** Who is started instead of Mayfly. */
  readonly mutant?: Mutant;
  /** Before this kill the database is put back to what it was half as many kills before. */
  readonly putBackAt?: number;
}

/** Starts, loads, kills and judges, again and again on one data folder; with a mutant until the first broken promise. */
export function killSeries({ kills, seed, mutant, putBackAt }: KillSeriesOptions): Promise<KillSeries> {
  return withCrashLab(async (lab) => {
    const random = makeRandom(seed);
    const broken: string[] = [];
    let killsWhileStarting = 0;
    let done = 0;
    while (done < kills && !(mutant !== undefined && broken.length > 0)) {
      if (putBackAt !== undefined && done === Math.floor(putBackAt / 2)) lab.copyDatabase();
      if (done === putBackAt) lab.putBackDatabase();
      const { whileStarting } = await killAtRandom(lab, random, mutant);
      broken.push(...(await lab.judge()).broken);
      if (whileStarting) killsWhileStarting += 1;
      done += 1;
    }
    const report = lab.lastVerdict?.report;
    return {
      kills: done,
      killsWhileStarting,
      broken,
      scts: lab.witness.scts.size,
      checkpoints: lab.witness.checkpoints.length,
      entries: report?.head.size ?? 0,
      auditStarts: report?.audit?.starts ?? 0,
      readyStarts: lab.readyStarts,
    };
  });
}
