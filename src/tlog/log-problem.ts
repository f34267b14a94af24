import { describeCauses, MayflyError, type Reason } from "../core/errors.ts";

/** Something that is not as it must be. */
export interface LogProblem {
  /** Which record: `entry 17`, `tile 0/3`, `published checkpoint`. */
  readonly where: string;
  readonly what: string;
}

/** Told of each problem, in the order in which they are found. */
export type OnProblem = (problem: LogProblem) => void;

/** Reading itself does not work any more, or not now; that says nothing about the log. */
const READER_ENDED: ReadonlySet<Reason> = new Set<Reason>([
  "LOG_CLOSED",
  "LOG_OUTCOME_UNKNOWN",
  "SOURCE_UNAVAILABLE",
  "UNEXPECTED",
]);

/**
 * Reads or checks something; what is wrong with it becomes a problem, and the verification goes on without it.
 *
 * @returns undefined when there was a problem
 * @throws what says nothing about the record: defects of ours, a reader that has ended, a log that does not answer
 */
export async function noteProblem<T>(
  where: string,
  onProblem: OnProblem,
  check: () => T | Promise<T>,
): Promise<Awaited<T> | undefined> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof MayflyError) || READER_ENDED.has(error.reason)) throw error;
    onProblem({ where, what: describeCauses(error) });
    return undefined;
  }
}
