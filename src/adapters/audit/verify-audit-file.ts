import { createReadStream } from "node:fs";

import { MayflyError } from "../../core/errors.ts";
import { MAX_LINE_BYTES } from "./audit-line.ts";
import { ChainCheck } from "./chain-check.ts";
import type { AuditFileReport, IssuedLine } from "./chain-check.ts";

const NEWLINE = 0x0a;

/**
 * Reads an audit file once, in bounded memory, and checks every hash chain in it. An edited, removed, inserted or moved
 * line is found by the line that seals it: the process's next one, or the next process's first. The file's last line is
 * not sealed yet, and whoever rewrites all that follows an edit leaves no trace: compare the report with the log, and ship
 * lines elsewhere.
 * A line cut short by a crash is counted, not refused. A file that is not there has no lines.
 *
 * @param onIssued is given the issued certificates of each part that was read, and awaited before the next part is
 * @throws MayflyError `internal` (AUDIT_FAILED), naming the line, when a chain is broken or the file cannot be read
 */
export async function verifyAuditFile(
  path: string,
  onIssued: (issued: readonly IssuedLine[]) => Promise<void> = () => Promise.resolve(),
): Promise<AuditFileReport> {
  const check = new ChainCheck();
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let from = 0;
      for (let to = bytes.indexOf(NEWLINE); to !== -1; to = bytes.indexOf(NEWLINE, from)) {
        check.line(bytes.subarray(from, to));
        from = to + 1;
      }
      rest = bytes.subarray(from);
      // A line that does not end would be held whole; the check refuses it for its length.
      if (rest.length > MAX_LINE_BYTES) check.line(rest);
      await onIssued(check.takeIssued());
    }
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause;
    if (!isMissing(cause)) throw new MayflyError("AUDIT_FAILED", "the audit trail cannot be read", { cause });
  }
  const report = check.end(rest);
  await onIssued(check.takeIssued());
  return report;
}

function isMissing(cause: unknown): boolean {
  return Error.isError(cause) && "code" in cause && cause.code === "ENOENT";
}
