import { existsSync } from "node:fs";
import { basename } from "node:path";
import { readAuditTrailEnd } from "../adapters/audit/verify-audit-trail.ts";
import { openFileHighWaterMark } from "../adapters/high-water-mark/file.ts";
import { openSqliteLogRecords } from "../adapters/log-store/sqlite/open-sqlite-log-records.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import { verifyCheckpoint, verifyStoredTreeHead } from "../ctlog/verify-checkpoint.ts";
import type { LogManifest, PublishedCheckpoint } from "../ports/log-store.ts";
import type { LogMark } from "../tlog/log-marks.ts";
import type { DataPaths } from "./data-paths.ts";

/** Where a data directory may remember one log. */
export interface LogFiles extends DataPaths {
  /** The checkpoint that the log was frozen with. */
  readonly finalNote: string;
}

/** What is left in a data directory that remembers how far a log had come. */
export interface KnownLogMarks {
  readonly marks: readonly LogMark[];
  /** The checkpoint that the log was frozen with, where something remembers that it was. */
  readonly final?: PublishedCheckpoint;
  /** Whether {@link final} is signed by both keys; else it tells no more than that the log was frozen, and where. */
  readonly isFinalSigned: boolean;
  /** Why a database that is there could not be asked. */
  readonly unreadableDatabase?: string;
}

/**
 * Reads everything in a data directory that remembers how far a log had come: the head mark, the checkpoint that witnesses
 * cosigned, the one that it was frozen with, the audit trail, and its database where that can still be read.
 *
 * @throws MayflyError when one of the checkpoints or the audit trail is damaged, or of another log: then they are no
 *   witnesses, and a person must find out why
 */
export async function readLogMarks(files: LogFiles, manifest: LogManifest): Promise<KnownLogMarks> {
  const fromDatabase = await databaseMark(files.database, manifest);
  const final = await readSigned(files.finalNote, manifest, verifyCheckpoint);
  return {
    ...fromDatabase,
    ...(final === undefined ? {} : { final, isFinalSigned: true }),
    marks: [
      ...headMark(files.headMark, await readSigned(files.headMark, manifest, verifyStoredTreeHead)),
      ...headMark(files.cosignedMark, await readSigned(files.cosignedMark, manifest, verifyCheckpoint)),
      ...headMark(files.finalNote, final),
      ...(await auditMark(files.auditTrail, manifest)),
      ...fromDatabase.marks,
    ],
  };
}

/** The head mark's Ed25519 line may never have been verified (ADR 11), and says nothing of how far the log had come. */
async function readSigned(
  path: string,
  manifest: LogManifest,
  verify: typeof verifyCheckpoint,
): Promise<PublishedCheckpoint | undefined> {
  const remembered = await openFileHighWaterMark({ path, onFailure: () => undefined }).read();
  if (remembered === undefined) return undefined;
  try {
    verify(remembered, manifest);
  } catch (cause) {
    throw new MayflyError("LOG_CORRUPT", `${path} is not what this log signed`, { cause });
  }
  return remembered;
}

function headMark(path: string, remembered: PublishedCheckpoint | undefined): readonly LogMark[] {
  return remembered === undefined ? [] : [{ where: basename(path), size: remembered.size, root: remembered.root }];
}

async function auditMark(path: string, { logId }: LogManifest): Promise<readonly LogMark[]> {
  const { highestLogIndexes } = await readAuditTrailEnd(path);
  const highest = highestLogIndexes[Buffer.from(logId).toString("hex")];
  return highest === undefined ? [] : [{ where: basename(path), size: highest + 1 }];
}

/** Also what it committed and did not publish: somebody may have been shown the signature. */
async function databaseMark(path: string, manifest: LogManifest): Promise<KnownLogMarks> {
  if (!existsSync(path)) return { marks: [], isFinalSigned: false };
  try {
    const { records, close } = await openSqliteLogRecords(path);
    await close();
    const { head, published } = records;
    requireSameLog(path, records.manifest, manifest);
    const where = `the database ${path}`;
    const marks = [{ where, size: head.size, root: head.root }];
    if (published === undefined) return { marks, isFinalSigned: false };
    const isFrozen = records.manifest.frozenMs !== undefined;
    return {
      ...(isFrozen ? { final: published } : {}),
      isFinalSigned: isSigned(published, manifest),
      marks: [...marks, { where, size: published.size, root: published.root }],
    };
  } catch (error) {
    if (!(error instanceof MayflyError) || error.reason === "LOG_WRONG_KEY") throw error;
    return { marks: [], isFinalSigned: false, unreadableDatabase: describeCauses(error) };
  }
}

function isSigned(checkpoint: PublishedCheckpoint, manifest: LogManifest): boolean {
  try {
    verifyCheckpoint(checkpoint, manifest);
    return true;
  } catch {
    return false;
  }
}

function requireSameLog(path: string, found: LogManifest, expected: LogManifest): void {
  const isSame =
    found.origin === expected.origin &&
    Buffer.compare(found.logPublicKey, expected.logPublicKey) === 0 &&
    Buffer.compare(found.checkpointPublicKey, expected.checkpointPublicKey) === 0;
  if (isSame) return;
  throw new MayflyError("LOG_WRONG_KEY", `${path} holds another log, ${found.origin}, or one with other keys`);
}
