import type { LogSource } from "../ports/log-source.ts";
import type { LogProblem } from "../tlog/log-problem.ts";
import { makeEntryJudge } from "./entry-judge.ts";
import type { LogTrust, VerifiedCheckpoint } from "./trusted-checkpoint.ts";
import { verifySource } from "./verify-source.ts";

/** A log that is nothing but wrong has millions of problems; the first of them say enough. */
const MOST_KEPT = 1000;

/** How a whole log is verified. */
export interface VerifyRemoteLogOptions {
  /** Told again and again how many entries of how many were verified. */
  readonly onProgress?: (entries: number, of: number) => void;
  /** Ends the verification early. */
  readonly signal?: AbortSignal;
}

/** What was found in a whole log. */
export interface RemoteLogVerification {
  /** Whether everything under the checkpoint was verified and nothing was wrong. */
  readonly isGood: boolean;
  /** Undefined when the newest checkpoint is not to be trusted; then nothing else was looked at. */
  readonly checkpoint: VerifiedCheckpoint | undefined;
  /** How many entries and hash tiles were verified. */
  readonly entries: number;
  readonly tiles: number;
  /** What is wrong, and where: `entry 17`, `tile 0/3`, `issuer <hex>`, `checkpoint`. The first 1,000. */
  readonly problems: readonly LogProblem[];
  readonly problemCount: number;
  /** What the specifications allow, but few logs do. The first 1,000. */
  readonly notices: readonly LogProblem[];
}

/**
 * Verifies a whole log as an outsider: its newest checkpoint, every entry under it, every hash tile, every issuer, and that
 * what was logged was issued. In bounded memory, in this thread; damage is reported and stepped over.
 *
 * @throws MayflyError `log_failed` (SOURCE_UNAVAILABLE) when the log does not answer
 */
export async function verifyRemoteLog(
  source: LogSource,
  trust: LogTrust,
  { onProgress, signal }: VerifyRemoteLogOptions = {},
): Promise<RemoteLogVerification> {
  const problems: LogProblem[] = [];
  const notices: LogProblem[] = [];
  let problemCount = 0;
  const { checkpoint, entries, tiles, isComplete } = await verifySource(source, {
    trust,
    openJudge: (kind) => makeEntryJudge(kind),
    onProblem: (problem) => {
      if (problemCount++ < MOST_KEPT) problems.push(problem);
    },
    onNotice: (notice) => {
      if (notices.length < MOST_KEPT) notices.push(notice);
    },
    onProgress: (progress) => {
      onProgress?.(progress.tree.size, progress.checkpoint.size);
      return Promise.resolve(signal?.aborted === true ? "stop" : undefined);
    },
  });
  return { isGood: isComplete && problemCount === 0, checkpoint, entries, tiles, problems, problemCount, notices };
}
