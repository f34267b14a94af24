import type { LogSource } from "../ports/log-source.ts";
import { MayflyError } from "../core/errors.ts";
import type { LogTrust, VerifiedCheckpoint } from "../ctlog/trusted-checkpoint.ts";
import type { VerificationState } from "../ctlog/verification-state.ts";
import { verifySource, type SourceProgress, type VerifiedSource } from "../ctlog/verify-source.ts";
import type { LogProblem, OnProblem } from "../tlog/log-problem.ts";
import { openJudge, type OpenedJudge } from "./judge-pool.ts";
import { chooseTrust, type KnownLog, type TrustRequest } from "./log-trust.ts";
import { openLogSource } from "./open-log-source.ts";
import { readVerificationState, writeEvidence, writeVerificationState } from "./verification-state-file.ts";

/** Which log is verified, whom to believe, and who hears of it. */
export interface VerifyLogSourceOptions {
  /** URL, or folder of files. */
  readonly location: string;
  readonly trust: TrustRequest;
  /** File to go on from, and to leave the state in. */
  readonly statePath?: string | undefined;
  readonly onProblem: OnProblem;
  readonly onNotice: OnProblem;
  /** Told again and again how many entries of how many were read. */
  readonly onProgress?: (entries: number, of: number) => void;
  /** Whether somebody wants it to end early. */
  readonly isStopAsked?: () => boolean;
}

/** What was found in somebody's log. */
export interface LogSourceReport extends VerifiedSource {
  readonly location: string;
  readonly trust: LogTrust;
  /** How many entries had been verified before. */
  readonly earlierEntries: number;
  /** With those of earlier verifications. */
  readonly problemCount: number;
  /** Files with the signed notes of checkpoints that do not fit together. */
  readonly evidence: readonly string[];
  /** Why it ended early; undefined when it did not. */
  readonly unfinished: string | undefined;
}

/** Entries from one saved state to the next: some seconds of work. */
const SAVE_EVERY = 65_536;

/**
 * Verifies a log by its URL or folder, on every core. With a state file it goes on where an earlier verification ended, and
 * leaves its own state: a log that is watched costs only what is new, and one that shrank or forked since then is found out.
 * A log that does not answer ends the verification early; what was verified so far is in the state.
 *
 * @throws MayflyError `log_failed`: LOG_WRONG_KEY without a key or for a state of another log, VERIFY_STATE_INVALID,
 *   SOURCE_UNAVAILABLE and SOURCE_INVALID before anything was verified; `internal` (FILE_NOT_WRITTEN)
 */
export async function verifyLogSource(options: VerifyLogSourceOptions): Promise<LogSourceReport> {
  const earlier = options.statePath === undefined ? undefined : await readVerificationState(options.statePath);
  const known = await knownLogOf(options, earlier);
  const { logKey, origin } = known.trust;
  const name = logKey === undefined ? {} : { logId: logKey.logId, origin };
  const source = await openLogSource(options.location, name);
  try {
    return await new Verification(options, known, earlier).run(source);
  } finally {
    await source.close();
  }
}

/** An earlier verification knows the log's keys; whoever names others means another log. */
async function knownLogOf(
  { location, trust, onNotice }: VerifyLogSourceOptions,
  earlier: VerificationState | undefined,
): Promise<KnownLog> {
  if (earlier === undefined) return chooseTrust(location, trust, onNotice);
  const isNamed = [trust.logKeySpki, trust.checkpointKey, trust.manifests].some((given) => given !== undefined);
  const named = isNamed ? await chooseTrust(location, trust, () => undefined) : earlier;
  if (isOther(named, earlier) || isDifferent(bytesOf(trust.origin), bytesOf(earlier.trust.origin))) {
    throw new MayflyError("LOG_WRONG_KEY", `the state is of another log: ${earlier.trust.origin}`);
  }
  return earlier;
}

function isOther(one: KnownLog, other: KnownLog): boolean {
  return (
    isDifferent(one.logKeySpki, other.logKeySpki) ||
    isDifferent(one.trust.checkpointKey?.publicKey, other.trust.checkpointKey?.publicKey)
  );
}

function bytesOf(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : Buffer.from(text);
}

/** What only one side names is no contradiction. */
function isDifferent(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one !== undefined && other !== undefined && Buffer.compare(one, other) !== 0;
}

/** Problems that a state remembers. */
const MAX_REMEMBERED = 100;

class Verification {
  readonly #options: VerifyLogSourceOptions;
  readonly #known: KnownLog;
  readonly #earlier: VerificationState | undefined;
  readonly #problems: LogProblem[];
  #problemCount: number;
  #savedSize: number;
  #latest: SourceProgress | undefined;
  #judge: OpenedJudge | undefined;

  constructor(options: VerifyLogSourceOptions, known: KnownLog, earlier: VerificationState | undefined) {
    this.#options = options;
    this.#known = known;
    this.#earlier = earlier;
    this.#problems = [...(earlier?.problems ?? [])];
    this.#problemCount = earlier?.problemCount ?? 0;
    this.#savedSize = earlier?.tree.size ?? 0;
  }

  async run(source: LogSource): Promise<LogSourceReport> {
    for (const problem of this.#problems) this.#options.onProblem(problem);
    try {
      return await this.#finish(await this.#verify(source));
    } catch (error) {
      const latest = this.#latest;
      const isAway = error instanceof MayflyError && error.reason === "SOURCE_UNAVAILABLE";
      if (!isAway || latest === undefined) throw error;
      const part = partOf(latest, this.#earlier);
      return { ...(await this.#reportOf(part, latest)), unfinished: error.message };
    } finally {
      await this.#judge?.close();
    }
  }

  async #finish(verified: VerifiedSource): Promise<LogSourceReport> {
    const { checkpoint, isComplete, isConflict } = verified;
    if (checkpoint === undefined) return { ...this.#report(verified, []), unfinished: undefined };
    const report = await this.#reportOf(verified, { ...verified, checkpoint });
    return { ...report, unfinished: isComplete || isConflict ? undefined : "stopped" };
  }

  /** A conflict leaves the state as it was: the earlier checkpoint is what the next run compares with again. */
  async #reportOf(verified: VerifiedSource, progress: SourceProgress): Promise<Omit<LogSourceReport, "unfinished">> {
    if (progress.isConflict) return this.#report(verified, await this.#keepEvidence(progress.checkpoint));
    await this.#save(progress);
    return this.#report(verified, []);
  }

  #verify(source: LogSource): Promise<VerifiedSource> {
    const { onNotice, onProgress, isStopAsked } = this.#options;
    return verifySource(source, {
      trust: this.#known.trust,
      ...(this.#earlier === undefined ? {} : { earlier: this.#earlier }),
      openJudge: (kind, entries) => (this.#judge = openJudge(kind, entries)),
      onNotice,
      onProblem: (problem) => {
        this.#problemCount += 1;
        if (this.#problems.length < MAX_REMEMBERED) this.#problems.push(problem);
        this.#options.onProblem(problem);
      },
      onProgress: async (progress) => {
        this.#latest = progress;
        onProgress?.(progress.tree.size, progress.checkpoint.size);
        const isDue = progress.tree.size - this.#savedSize >= SAVE_EVERY;
        if (isDue && !progress.isConflict) await this.#save(progress);
        return isStopAsked?.() === true ? "stop" : undefined;
      },
    });
  }

  async #save({ checkpoint, tree, pending }: SourceProgress): Promise<void> {
    const { statePath } = this.#options;
    if (statePath === undefined) return;
    await writeVerificationState(statePath, {
      ...this.#known,
      checkpoint,
      tree,
      pending,
      problems: this.#problems,
      problemCount: this.#problemCount,
    });
    this.#savedSize = tree.size;
  }

  async #keepEvidence(checkpoint: VerifiedCheckpoint): Promise<readonly string[]> {
    const { statePath } = this.#options;
    if (this.#earlier === undefined || statePath === undefined) return [];
    return writeEvidence(statePath, [...this.#earlier.pending, this.#earlier.checkpoint, checkpoint]);
  }

  #report(verified: VerifiedSource, evidence: readonly string[]): Omit<LogSourceReport, "unfinished"> {
    return {
      ...verified,
      location: this.#options.location,
      trust: this.#known.trust,
      earlierEntries: this.#earlier?.tree.size ?? 0,
      problemCount: this.#problemCount,
      evidence,
    };
  }
}

/** What a verification that was cut short has come to. */
function partOf(latest: SourceProgress, earlier: VerificationState | undefined): VerifiedSource {
  return {
    ...latest,
    kind: undefined,
    entries: latest.tree.size - (earlier?.tree.size ?? 0),
    tiles: 0,
    isComplete: false,
  };
}
