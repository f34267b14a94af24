import type { LogRecords } from "../ports/log-store.ts";
import { HASH_LENGTH } from "../core/merkle/tree.ts";
import type { EntryJudge } from "./entry-part.ts";
import type { GrowingTree, JudgedPart, StatedTreeOfLog } from "./growing-tree.ts";
import type { OnProblem } from "./log-problem.ts";
import { readStoredPart } from "./read-stored-entries.ts";
import { verifyEntries, type VerifiableLog } from "./verify-entries.ts";
import { verifySubmissionCount, verifySubmissions, type LoggedSubmissions } from "./verify-submissions.ts";

/** How {@link verifyLog} judges entries, and what it compares with. */
export interface VerifyLogOptions {
  readonly judge: EntryJudge;
  /** Compared with the tree of the entries, beside the head. */
  readonly stated: readonly StatedTreeOfLog[];
  readonly onProblem: OnProblem;
  /** Told after each part how many entries were read. */
  readonly onProgress?: (entries: number) => void;
}

/** How much was compared. */
export interface VerifiedLog {
  readonly entries: number;
  readonly tiles: number;
}

/**
 * Verifies a whole log from its stored entries alone: each leaf hash, every tile of every level, the index of
 * submissions in both directions, what entries refer to, the order of times, and the root of every tree that was stated.
 * One pass in bounded memory; damage is reported and stepped over. Goes up to the committed head that `records` has, and
 * not beyond: a log may be written to meanwhile.
 *
 * @throws what `noteProblem` does not take for damage
 */
export async function verifyLog(records: LogRecords, options: VerifyLogOptions): Promise<VerifiedLog> {
  const { onProblem, onProgress } = options;
  const { size } = records.head;
  const stated = [{ where: "head", ...records.head }, ...options.stated];
  /** Time of the last entry; no number when it could not be read. */
  let lastMs = Number.NaN;
  const tree = await verifyEntries(verifiable(records), {
    judge: options.judge,
    stated,
    onProblem,
    onOlderEntry: onProblem,
    onPart: (part) => {
      lastMs = part.verdict.timesMs.at(-1) ?? Number.NaN;
      return verifySubmissions(records, submissionsOf(part), onProblem);
    },
    onTree: (grown) => {
      onProgress?.(grown.size);
      return Promise.resolve(undefined);
    },
  });
  await verifySubmissionCount(records, onProblem);
  compareEnds(records, { tree, stated, onProblem });
  if (records.head.timestampMs > lastMs) onProblem({ where: "head", what: "is later than its newest entry" });
  return { entries: size, tiles: tree.comparedTiles };
}

function verifiable(records: LogRecords): VerifiableLog {
  return {
    size: records.head.size,
    readEntries: (start, end, onProblem) => readStoredPart(records, { start, end }, onProblem),
    tileOf: (level, index) => records.tile(level, index),
    issuerOf: (fingerprint) => records.issuer(fingerprint),
  };
}

/** The entries of a part that were read, with their keys side by side. */
function submissionsOf({ start, verdict }: JudgedPart): LoggedSubmissions {
  const { timesMs, submissionKeys } = verdict;
  const read = [...timesMs.keys()].filter((at) => !Number.isNaN(timesMs[at]));
  const keys =
    read.length === timesMs.length
      ? submissionKeys
      : Buffer.concat(read.map((at) => submissionKeys.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH)));
  return { indexes: read.map((at) => start + at), keys };
}

function compareEnds(
  { head, endOfEntries }: LogRecords,
  {
    tree,
    stated,
    onProblem,
  }: { readonly tree: GrowingTree; readonly stated: readonly StatedTreeOfLog[]; readonly onProblem: OnProblem },
): void {
  if (endOfEntries !== head.size) {
    onProblem({ where: "head", what: `counts ${head.size} entries, but they reach to ${endOfEntries}` });
  }
  if (Buffer.compare(Buffer.concat(head.rightEdge), Buffer.concat(tree.soFar.rightEdge)) !== 0) {
    onProblem({ where: "head", what: "its right edge is not that of the entries" });
  }
  for (const { where, size } of stated) {
    if (size > head.size) onProblem({ where, what: `states ${size} entries, but the log has ${head.size}` });
  }
}
