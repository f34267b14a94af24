import { basename } from "node:path";
import { verifyAuditTrail } from "../adapters/audit/verify-audit-trail.ts";
import type { AuditTrailReport } from "../adapters/audit/verify-audit-trail.ts";
import { openFileHighWaterMark } from "../adapters/high-water-mark/file.ts";
import { openSqliteLogRecords } from "../adapters/log-store/sqlite/open-sqlite-log-records.ts";
import { parseLogKey } from "../core/ct/log-key.ts";
import { MayflyError } from "../core/errors.ts";
import { verifyAnswered } from "../ctlog/verify-answered.ts";
import { verifyCheckpoint } from "../ctlog/verify-checkpoint.ts";
import type { LogManifest, LogRecords, PublishedCheckpoint, TreeHead } from "../ports/log-store.ts";
import { noteProblem, type LogProblem, type OnProblem } from "../tlog/log-problem.ts";
import type { StatedTreeOfLog } from "../tlog/growing-tree.ts";
import { verifyLog, type VerifiedLog, type VerifyLogOptions } from "../tlog/verify-log.ts";
import type { DataPaths } from "./data-paths.ts";
import { listFilesBefore, readFinalNote } from "./final-notes.ts";
import { openJudge } from "./judge-pool.ts";

/** What is verified, and who hears of it. */
export interface VerifyDataFolderOptions {
  readonly paths: DataPaths;
  /** Origin that the log must have. */
  readonly origin: string;
  /** Lower-case hex ids of the other logs that the audit trail may tell of; they are verified by themselves. */
  readonly otherLogs?: ReadonlySet<string>;
  readonly onProblem: OnProblem;
  /** Told again and again how many entries of how many were read. */
  readonly onProgress?: (entries: number, of: number) => void;
}

/** What was found in a data folder. */
export interface DataFolderReport extends VerifiedLog {
  readonly manifest: LogManifest;
  readonly head: TreeHead;
  readonly published: PublishedCheckpoint | undefined;
  /** The checkpoint that is remembered outside the database. */
  readonly remembered: PublishedCheckpoint | undefined;
  /** Undefined when the trail is damaged. */
  readonly audit: AuditTrailReport | undefined;
  /** Certificates that the audit trail says were issued in this log. */
  readonly answered: number;
  readonly problems: number;
}

/**
 * Verifies everything in a data folder against everything else: the log from its entries up, the published checkpoint and
 * those that are kept outside the database with their signatures, the audit trail and each index that a caller was told. Only reads, so a service may
 * be running on the folder.
 *
 * @throws MayflyError `log_failed` when there is no log, or nothing can be read of it
 */
export async function verifyDataFolder(options: VerifyDataFolderOptions): Promise<DataFolderReport> {
  const { paths } = options;
  let problems = 0;
  const onProblem = (problem: LogProblem): void => {
    problems += 1;
    options.onProblem(problem);
  };
  // Before the log: what is remembered of it now must be in it when it is read.
  const remembered = await readHeadMark(paths.headMark, onProblem);
  const cosigned = await readHeadMark(paths.cosignedMark, onProblem);
  const filesBefore = listFilesBefore(paths);
  const { records, fileProblems, close } = await openSqliteLogRecords(paths.database);
  try {
    const { manifest, head, published } = records;
    await verifyManifest(manifest, options.origin, onProblem);
    comparePublished(records, remembered, onProblem);
    const final = await readFinalNote(filesBefore, records, onProblem);
    const stated = [
      ...(await verifyStated("published checkpoint", published, { manifest, onProblem })),
      ...(await verifyStated(basename(paths.headMark), remembered, { manifest, onProblem })),
      ...(await verifyStated(basename(paths.cosignedMark), cosigned, { manifest, onProblem })),
      ...(await verifyStated(final.name, final.checkpoint, { manifest, onProblem })),
    ];
    const ofFile = fileProblems();
    // Its failure counts when its turn comes.
    ofFile.catch(() => undefined);
    const verified = await verifyRecords(records, {
      stated,
      onProblem,
      onProgress: (entries) => options.onProgress?.(entries, head.size),
    });
    // Behind the records, which say more of what both find.
    (await ofFile).forEach(onProblem);
    const { audit, answered } = await verifyAudit(records, { ...options, onProblem });
    return { ...verified, manifest, head, published, remembered, audit, answered, problems };
  } finally {
    await close();
  }
}

async function verifyRecords(records: LogRecords, options: Omit<VerifyLogOptions, "judge">): Promise<VerifiedLog> {
  const judge = openJudge("mayfly", records.head.size);
  try {
    return await verifyLog(records, { ...options, judge });
  } finally {
    await judge.close();
  }
}

function readHeadMark(path: string, onProblem: OnProblem): Promise<PublishedCheckpoint | undefined> {
  return noteProblem(basename(path), onProblem, () =>
    openFileHighWaterMark({ path, onFailure: () => undefined }).read(),
  );
}

async function verifyManifest(manifest: LogManifest, origin: string, onProblem: OnProblem): Promise<void> {
  await noteProblem("manifest", onProblem, () => {
    if (manifest.origin !== origin) {
      throw new MayflyError("LOG_WRONG_KEY", `the log was made as ${manifest.origin}, not as ${origin}`);
    }
    if (Buffer.compare(parseLogKey(manifest.logPublicKey).logId, manifest.logId) !== 0) {
      throw new MayflyError("LOG_CORRUPT", "the log id is not that of the log's key");
    }
  });
}

/** What must have been published, going by what else there is. */
function comparePublished(
  { manifest: { frozenMs }, head, published }: LogRecords,
  remembered: PublishedCheckpoint | undefined,
  onProblem: OnProblem,
): void {
  const where = "published checkpoint";
  if (published === undefined && (remembered?.size ?? 0) > 0) {
    onProblem({ where, what: "is missing, but another is remembered outside the database" });
  }
  if (frozenMs !== undefined && (published?.size !== head.size || published.timestampMs !== frozenMs)) {
    onProblem({ where, what: "is not the last one, but the log is frozen" });
  }
}

/** The checkpoint as a tree to compare the log with; signatures are judged here. */
async function verifyStated(
  where: string,
  checkpoint: PublishedCheckpoint | undefined,
  { manifest, onProblem }: { readonly manifest: LogManifest; readonly onProblem: OnProblem },
): Promise<readonly StatedTreeOfLog[]> {
  if (checkpoint === undefined) return [];
  await noteProblem(where, onProblem, () => {
    verifyCheckpoint(checkpoint, manifest);
  });
  return [{ where, size: checkpoint.size, root: checkpoint.root, timestampMs: checkpoint.timestampMs }];
}

async function verifyAudit(
  records: LogRecords,
  { paths, otherLogs = new Set(), onProblem }: VerifyDataFolderOptions,
): Promise<Pick<DataFolderReport, "audit" | "answered">> {
  const path = paths.auditTrail;
  const name = basename(path);
  const logId = Buffer.from(records.manifest.logId).toString("hex");
  let answered = 0;
  const audit = await noteProblem(name, onProblem, () =>
    verifyAuditTrail(path, (issued) => {
      const certificates = issued.map(({ file, lineNumber, ...line }) => ({
        where: `${file} line ${lineNumber}`,
        ...line,
      }));
      const own = certificates.filter((certificate) => certificate.logId === logId);
      const unknown = certificates.filter(
        (certificate) => certificate.logId !== logId && !otherLogs.has(certificate.logId),
      );
      for (const { where, logIndex } of unknown) {
        onProblem({ where, what: `a caller was told of entry ${logIndex} of another log` });
      }
      answered += own.length;
      return verifyAnswered(records, own, onProblem);
    }),
  );
  return { audit, answered };
}
