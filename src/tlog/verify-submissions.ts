import type { LogRecords } from "../ports/log-store.ts";
import { noteProblem, type OnProblem } from "./log-problem.ts";

/** Entries and the submissions that they were. */
export interface LoggedSubmissions {
  readonly indexes: readonly number[];
  /** A key for each, 32 bytes, one after the other. */
  readonly keys: Uint8Array;
}

/** Rows that are counted at a time: a read of some milliseconds. */
const PAGE = 16_384;

/** Checks that the index of submissions leads from each submission to its entry. */
export async function verifySubmissions(
  records: LogRecords,
  { indexes, keys }: LoggedSubmissions,
  onProblem: OnProblem,
): Promise<void> {
  const known = await noteProblem("index of submissions", onProblem, () => records.indexesOfSubmissions(keys));
  if (known === undefined) return;
  for (const [at, index] of indexes.entries()) {
    const found = known[at];
    if (found === index) continue;
    const what = found === undefined ? "does not know" : `leads to entry ${found} instead of`;
    onProblem({ where: "index of submissions", what: `${what} entry ${index}` });
  }
}

/**
 * Checks that nothing else is in the index: as each entry of the head was found by its submission, it is enough to count.
 * Rows of entries beyond the head were added meanwhile.
 */
export async function verifySubmissionCount(records: LogRecords, onProblem: OnProblem): Promise<void> {
  const where = "index of submissions";
  const { size } = records.head;
  await noteProblem(where, onProblem, async () => {
    let count = 0;
    let from: Uint8Array = new Uint8Array(0);
    for (;;) {
      const { ofHead, malformed, lastKey } = await records.submissionRows(from, PAGE);
      if (lastKey === undefined) break;
      if (malformed > 0) onProblem({ where, what: `has ${malformed} rows whose key is not 32 bytes long` });
      count += ofHead;
      // No byte string lies between the two.
      from = Buffer.concat([lastKey, Uint8Array.of(0)]);
    }
    if (count !== size) onProblem({ where, what: `has ${count} rows for ${size} entries` });
  });
}
