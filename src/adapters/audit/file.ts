import type { AuditRecord, AuditTrail } from "../../ports/audit-trail.ts";
import type { Clock } from "../../ports/clock.ts";
import { AuditChain } from "./audit-chain.ts";
import { makeGroupWriter } from "./group-writer.ts";
import { TrailAppender } from "./trail-appender.ts";
import { readAuditTrailEnd } from "./verify-audit-trail.ts";
import type { AuditTrailEnd } from "./verify-audit-trail.ts";

/** Where a process writes its audit trail, and under which name. */
export interface AuditFileOptions {
  readonly path: string;
  /** Random name of this process, never used twice: it tells its lines from others' in the trail. */
  readonly writerId: string;
  readonly clock: Pick<Clock, "now">;
  /** What `readAuditTrailEnd` found a moment ago; read again when not given. */
  readonly end?: AuditTrailEnd;
  /** How many lines may wait for the disk before others than those that are owed are refused; 1024 when not given. */
  readonly maxPending?: number;
  /** A file of the trail that holds as many bytes is put aside; {@link MAX_FILE_BYTES} when not given. */
  readonly maxFileBytes?: number;
}

/**
 * Whether a record must be taken: the outcome to an intent, of which there is one for each, so a bound on intents bounds
 * these too; and a configuration, which one at a time comes into force.
 */
const isOwed = (record: AuditRecord): boolean =>
  record.kind === "configuration" || (record.kind === "outcome" && record.serialNumber !== undefined);

/** Room for about 21,000 certificates; the next start, which checks the newest file, takes 0.2 s for it. */
export const MAX_FILE_BYTES = 16 * 1_048_576;

/**
 * Audit trail in files of JSON lines, opened for appending only and made with mode 0600. The process's first line names
 * the format and seals what stood there before; each line carries the hash of the line before, and a number that counts
 * the process's lines from 1. A file that is full gets its number (`audit.jsonl` becomes `audit-000001.jsonl`) and the chain
 * goes on in the next one. One process writes at a time. The files can be read while they are written: `verifyAuditTrail`
 * checks them.
 *
 * @throws MayflyError `internal` (AUDIT_FAILED) when the trail's end is damaged, the file cannot be opened, or the first line
 *   not be written
 */
export async function openAuditFile(options: AuditFileOptions): Promise<AuditTrail> {
  const { path, writerId: writer, clock, maxPending = 1024, maxFileBytes = MAX_FILE_BYTES } = options;
  const file = await TrailAppender.open(path);
  const size = await file.size();
  try {
    const end = options.end ?? (await readAuditTrailEnd(path));
    const chain = new AuditChain({ writer, end, fileBytes: size, maxFileBytes });
    const lines = makeGroupWriter(file.append.bind(file), maxPending);
    // What a crash left behind is closed by a newline, not cut off: the trail is only ever appended to.
    if (end.isCut && size > 0) file.write(Buffer.from("\n"));
    await lines.write(() => [chain.start(clock.now(), end)]);
    let closing: Promise<void> | undefined;
    return {
      append: (record) => lines.write(() => chain.record(record), isOwed(record)),
      close: () => (closing ??= lines.end().then(() => file.close())),
    };
  } catch (error) {
    // A disk that fills and empties would gather the beginnings of first lines otherwise.
    await file.takeBack(size);
    await file.close().catch(() => undefined);
    throw error;
  }
}
