import { describeCauses, MayflyError } from "../../core/errors.ts";
import type { AuditTrailReader } from "../../ports/audit-trail-reader.ts";
import { ComparedLog, type ComparedEntries, type NamedLog } from "./compared-log.ts";
import { IssuedClaims } from "./issued-claims.ts";
import type { OnGap, ReconcileGap } from "./reconcile-gap.ts";
import { TrailExtent } from "./trail-extent.ts";
import { UnclaimedEntries } from "./unclaimed-entries.ts";

/** What is compared, and who hears of it. */
export interface ReconcileOptions {
  /** Every log that the trail may tell of. */
  readonly logs: readonly NamedLog[];
  readonly trail: AuditTrailReader;
  /** When this begins, milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** What is older is left out, milliseconds since the Unix epoch. */
  readonly sinceMs?: number | undefined;
  /** Number of the trail's file to begin with; the oldest when left out. */
  readonly fromFile?: number | undefined;
  readonly onGap: OnGap;
  /** Told again and again how many entries of how many are settled. */
  readonly onProgress?: ((entries: number, of: number) => void) | undefined;
  /** Told how many records and entries were read; waits where reading is to be slow. */
  readonly pace?: ((records: number) => Promise<void>) | undefined;
  /** How many entries that nobody was told of are looked for at once. */
  readonly atOnce?: number | undefined;
}

/** One log as it was compared. */
export interface ReconciledLog extends Readonly<ComparedEntries> {
  readonly name: string;
  /** Lower-case hex. */
  readonly logId: string;
  /** Entries that it had. */
  readonly size: number;
}

/** The trail as it was compared. */
export interface ReconciledTrail {
  /** Number of the first file that was read; 0 when there is no line. */
  readonly firstFile: number;
  readonly lastFile: number;
  readonly intents: number;
  /** Intents that no entry followed from: what was to be signed was refused or failed before the log, or is still under way. */
  readonly abandoned: number;
}

/** What came of it. */
export interface ReconcileReport {
  readonly logs: readonly ReconciledLog[];
  /** Undefined when the trail is damaged: then nothing behind the damage was compared. */
  readonly trail: ReconciledTrail | undefined;
  readonly gaps: number;
  /** The trail's file with which the next comparison may begin, if this one found no gap. */
  readonly nextFile: number;
}

/**
 * Compares logs with the audit trail in both directions: each certificate that the trail says was issued is in its log, at
 * its index and as it was intended; for each entry the trail has the intent that the CA signed it by. The trail's hash chain is
 * checked on the way; that the log is one, `mayfly log verify` checks.
 *
 * A service may go on writing. The heads of the logs were read before the trail, and an intent is written before its entry:
 * so each entry under those heads has its intent in what is read of the trail then. And an outcome is written after its
 * entry, which is looked up only once the outcome was read: so it is there, under that head or beyond it.
 *
 * The memory it takes is a bit for each entry, and what is kept of at most `atOnce` entries that nobody was told of; for each
 * such lot the trail is read once more.
 *
 * @throws MayflyError when log or trail cannot be read, which says nothing about what is in them
 */
export async function reconcileLogs(options: ReconcileOptions): Promise<ReconcileReport> {
  const { sinceMs = Number.NEGATIVE_INFINITY, pace = () => Promise.resolve() } = options;
  let gaps = 0;
  const onGap = (gap: ReconcileGap): void => {
    gaps += 1;
    options.onGap(gap);
  };
  const logs = options.logs.map((log) => new ComparedLog(log));
  const tellProgress = makeTellProgress(logs, options);
  const extent = new TrailExtent(options.nowMs);
  if (Number.isFinite(sinceMs)) for (const log of logs) log.coverFrom(await log.firstSince(sinceMs));
  const claims = new IssuedClaims({ logs, extent, sinceMs, onGap });
  const report = (trail: ReconciledTrail | undefined): ReconcileReport => ({
    logs: logs.map(({ name, id, size, entries }) => ({ name, logId: id, size, ...entries })),
    trail,
    gaps,
    nextFile: extent.nextFile,
  });
  const damage = await findDamage(() =>
    options.trail.read({
      fromFile: options.fromFile,
      onRecords: async (records) => {
        await claims.take(records);
        tellProgress();
        await pace(records.length);
      },
    }),
  );
  if (damage !== undefined) {
    onGap({ kind: "trail-damaged", where: "audit trail", what: damage });
    return report(undefined);
  }
  const unclaimed = new UnclaimedEntries({
    ...options,
    extent,
    onGap,
    pace: (records) => {
      tellProgress();
      return pace(records);
    },
  });
  for (const log of logs) await unclaimed.take(log);
  await unclaimed.compare();
  const { firstFile, lastFile } = extent;
  const { intents } = claims;
  return report({ firstFile, lastFile, intents, abandoned: intents - claims.answeredIntents - unclaimed.intents });
}

function makeTellProgress(logs: readonly ComparedLog[], { onProgress }: ReconcileOptions): () => void {
  const of = logs.reduce((sum, { size }) => sum + size, 0);
  return () =>
    onProgress?.(
      logs.reduce((sum, { settled }) => sum + settled.size, 0),
      of,
    );
}

/** What is wrong with the trail's chain. A file that cannot be read, which has a cause, says nothing about what is in it. */
async function findDamage(read: () => Promise<void>): Promise<string | undefined> {
  try {
    await read();
    return undefined;
  } catch (error) {
    if (error instanceof MayflyError && error.reason === "AUDIT_FAILED" && error.cause === undefined) {
      return describeCauses(error);
    }
    throw error;
  }
}
