import type { FileHandle } from "node:fs/promises";
import { basename } from "node:path";

import { MayflyError } from "../../core/errors.ts";
import type { AuditTrailReader, ReadTrailOptions } from "../../ports/audit-trail-reader.ts";
import { hashLine, MAX_LINE_BYTES } from "./audit-line.ts";
import { ChainCheck } from "./chain-check.ts";
import type { ChainEnd, ChainReport, IssuedLine } from "./chain-check.ts";
import type { HighestLogIndexes } from "./highest-log-indexes.ts";
import { openTrailFiles, openTrailFile } from "./trail-files.ts";
import type { FullFile, TrailFiles } from "./trail-files.ts";

/** What an intact audit trail holds, as far as its files are here. */
export interface AuditTrailReport extends ChainReport {
  /** Number of the oldest file that is here; those before it were taken away. */
  readonly firstFile: number;
  /** Number of the newest file; 0 when there is no line. */
  readonly lastFile: number;
}

/** Where an audit trail goes on, and what is to be known of it at a start. */
export interface AuditTrailEnd extends ChainEnd {
  /** Of issued certificates. */
  readonly highestLogIndexes: HighestLogIndexes;
}

/** Takes issued certificates; what comes after them is read when it has done so. */
export type OnIssued = (issued: readonly IssuedLine[]) => Promise<void>;

const NEWLINE = 0x0a;

/** Takes from the check what its lines have brought. */
type OnLines = (check: ChainCheck) => Promise<void>;

const ignore: OnLines = (check) => {
  check.takeIssued();
  return Promise.resolve();
};

/**
 * Reads every file of an audit trail, in bounded memory, and checks the hash chain through all of them. An edited, removed,
 * inserted or moved line is found by the line after it, a missing file by the next one's first line. The last line is not
 * sealed yet, and whoever rewrites all that follows an edit leaves no trace: compare the report with the log, and ship lines
 * elsewhere. The oldest files may be taken away.
 * A line cut short by a crash is counted, not refused. A trail without files has no lines.
 *
 * @param path of the file that is written; that may go on meanwhile
 * @throws MayflyError `internal` (AUDIT_FAILED), naming file and line, when the chain is broken or a file cannot be read
 */
export async function verifyAuditTrail(path: string, onIssued?: OnIssued): Promise<AuditTrailReport> {
  await using files = await openTrailFiles(path);
  const check = new ChainCheck();
  await feedAll(check, { path, ...files }, onIssued && ((lines) => onIssued(lines.takeIssued())));
  const { end, ...report } = check.end();
  return { ...report, firstFile: check.firstFile, lastFile: end.file };
}

/**
 * Opens the audit trail of a file for reading its records back, in bounded memory; the chain is checked on the way, as
 * {@link verifyAuditTrail} does.
 *
 * @param path of the file that is written; that may go on meanwhile
 */
export function openAuditTrailReader(path: string): AuditTrailReader {
  return {
    read: async ({ fromFile = 0, onRecords }: ReadTrailOptions) => {
      await using files = await openTrailFiles(path);
      const check = new ChainCheck({ records: true });
      const full = files.full.filter(({ number }) => number >= fromFile);
      await feedAll(check, { path, full, newest: files.newest }, async (lines) => {
        lines.takeIssued();
        const records = lines.takeRecords();
        if (records.length > 0) await onRecords(records);
      });
      check.end();
    },
  };
}

async function feedAll(
  check: ChainCheck,
  { path, full, newest }: Pick<TrailFiles, "full" | "newest"> & { readonly path: string },
  onLines?: OnLines,
): Promise<void> {
  for (const file of full) await feedFull(check, file, onLines);
  check.beginFile(basename(path));
  if (newest !== undefined) await feed(check, newest, onLines);
}

/**
 * Reads the newest file of a trail, checks its chain and that it continues the file before it, and tells where the next line
 * belongs. The time it takes is bounded by the size of one file: what was in those before is in its first line.
 *
 * @param path of the file that is written
 * @throws MayflyError `internal` (AUDIT_FAILED), as {@link verifyAuditTrail}
 */
export async function readAuditTrailEnd(path: string): Promise<AuditTrailEnd> {
  await using files = await openTrailFiles(path);
  const { full, newest } = files;
  let before = full.at(-1);
  let check = new ChainCheck();
  check.beginFile(basename(path));
  if (newest !== undefined) await feed(check, newest);
  if (before !== undefined && check.firstFile === 0) {
    // A crash came between one file and the first line of the next.
    check = new ChainCheck();
    await feedFull(check, before);
    check.beginFile(basename(path));
    if (newest !== undefined) await feed(check, newest);
    before = full.at(-2);
  }
  const { end, highestLogIndexes } = check.end();
  if (before !== undefined) await requireContinued(before, check);
  return { ...end, highestLogIndexes };
}

/** The first file that was checked must be the one after the newest that was not. */
async function requireContinued(before: FullFile, check: ChainCheck): Promise<void> {
  if (before.number === check.firstFile - 1 && (await lastLineHashes(before.path)).includes(check.linksTo)) return;
  const name = basename(before.path);
  throw new MayflyError("AUDIT_FAILED", `${name} of the audit trail is not continued by the file after it`);
}

/** Hashes of what may be the last whole line: what a crash cut off behind it may be a line but for its newline. */
async function lastLineHashes(path: string): Promise<readonly unknown[]> {
  await using file = await openTrailFile(path);
  const { size } = await file.stat();
  const length = Math.min(size, 2 * MAX_LINE_BYTES);
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
  return buffer
    .toString("latin1")
    .split("\n")
    .filter((line) => line !== "")
    .slice(-2)
    .map((line) => hashLine(Buffer.from(line, "latin1")));
}

async function feedFull(check: ChainCheck, { path }: FullFile, onLines?: OnLines): Promise<void> {
  await using file = await openTrailFile(path);
  check.beginFile(basename(path));
  await feed(check, file, onLines);
}

async function feed(check: ChainCheck, file: FileHandle, onLines: OnLines = ignore): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  const options = { start: 0, autoClose: false, highWaterMark: 256 * 1024 };
  try {
    for await (const chunk of file.createReadStream(options) as AsyncIterable<Buffer>) {
      rest = takeLines(check, rest.length === 0 ? chunk : Buffer.concat([rest, chunk]));
      await onLines(check);
    }
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause;
    throw new MayflyError("AUDIT_FAILED", "the audit trail cannot be read", { cause });
  }
  check.endFile(rest);
  await onLines(check);
}

/** @returns what stands behind the last newline */
function takeLines(check: ChainCheck, bytes: Buffer): Buffer {
  let from = 0;
  for (let to = bytes.indexOf(NEWLINE); to !== -1; to = bytes.indexOf(NEWLINE, from)) {
    check.line(bytes.subarray(from, to));
    from = to + 1;
  }
  const rest = bytes.subarray(from);
  // A line that does not end would be held whole; the check refuses it for its length.
  if (rest.length > MAX_LINE_BYTES) check.line(rest);
  return rest;
}
