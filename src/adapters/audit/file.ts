import { constants, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

import { MayflyError } from "../../core/errors.ts";
import type { AuditTrail } from "../../ports/audit-trail.ts";
import type { Clock } from "../../ports/clock.ts";
import { encodeAuditLine, encodeStartLine, hashLine, MAX_LINE_BYTES } from "./audit-line.ts";
import { makeGroupWriter } from "./group-writer.ts";
import type { AppendBytes } from "./group-writer.ts";

/** Where a process writes its audit trail, and under which name. */
export interface AuditFileOptions {
  readonly path: string;
  /** Random name of this process, never used twice: it tells its hash chain from others in the file. */
  readonly writerId: string;
  readonly clock: Pick<Clock, "now">;
  /** How many lines may wait for the disk before appends are refused; 1024 when not given. */
  readonly maxPending?: number;
}

/**
 * Audit trail in a file of JSON lines, opened for appending only and made with mode 0600. The process's first line names
 * the format and seals what stood in the file before (its last line's hash); each later line carries the hash of the
 * process's line before, and a number that counts from 1. One process writes at a time; an old and a new one may
 * overlap while a service restarts. The file can be read while it is written: `verifyAuditFile` checks it.
 *
 * @throws MayflyError `internal` (AUDIT_FAILED) when the file cannot be opened, or the first line not be written
 */
export async function openAuditFile(options: AuditFileOptions): Promise<AuditTrail> {
  const { writerId: writer, maxPending = 1024 } = options;
  const file = await openForAppending(options.path);
  try {
    const end = await readEnd(file);
    const lines = makeGroupWriter(appendTo(file), maxPending);
    let previous = end.lastLine === undefined ? "" : hashLine(end.lastLine);
    let seq = 1;
    const torn = end.torn === undefined ? undefined : hashLine(end.torn);
    const start = encodeStartLine(
      { writer, seq, previous },
      { timeMs: options.clock.now(), ...(torn === undefined ? {} : { torn }) },
    );
    previous = hashLine(start);
    // What a crash left behind is closed by a newline, not cut off: the trail is only ever appended to.
    await lines.write(() => (torn === undefined ? start : `\n${start}`));
    let closing: Promise<void> | undefined;
    return {
      append: (record) =>
        lines.write(() => {
          seq += 1;
          const line = encodeAuditLine({ writer, seq, previous }, record);
          previous = hashLine(line);
          return line;
        }),
      close: () => (closing ??= lines.end().then(() => closeFile(file))),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openForAppending(path: string): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_RDWR, O_NONBLOCK } = constants;
  try {
    const file = await open(path, O_APPEND | O_CREAT | O_RDWR | O_NONBLOCK, 0o600);
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (cause) {
    throw new MayflyError("AUDIT_FAILED", "the audit trail cannot be opened", { cause });
  }
  throw new MayflyError("AUDIT_FAILED", "the audit trail is not a regular file");
}

/** The last whole line, without newline, and what stands behind it. */
async function readEnd(file: FileHandle): Promise<{ lastLine?: Uint8Array; torn?: Uint8Array }> {
  const { size } = await file.stat();
  const length = Math.min(size, 2 * MAX_LINE_BYTES);
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
  const lastNewline = buffer.lastIndexOf(0x0a);
  const torn = buffer.subarray(lastNewline + 1);
  const before = lastNewline < 1 ? -1 : buffer.lastIndexOf(0x0a, lastNewline - 1);
  if (length < size && (lastNewline === -1 || before === -1)) {
    throw new MayflyError("AUDIT_FAILED", "the audit trail ends in a line that Mayfly did not write");
  }
  return {
    ...(lastNewline === -1 ? {} : { lastLine: buffer.subarray(before + 1, lastNewline) }),
    ...(torn.length === 0 ? {} : { torn }),
  };
}

/**
 * Appends all bytes; the operating system may take them in several parts. On the calling thread: the bytes go into the
 * page cache in about 4 µs, while handing them to the thread pool and hearing of it cost 25 µs twice per certificate.
 * Where the kernel makes writers wait for the disk, the log's commits wait for it too.
 */
function appendTo(file: FileHandle): AppendBytes {
  return (bytes) =>
    new Promise((resolve) => {
      for (let offset = 0; offset < bytes.length;) offset += writeSync(file.fd, bytes, offset);
      resolve();
    });
}

async function closeFile(file: FileHandle): Promise<void> {
  try {
    await file.datasync();
  } catch (cause) {
    throw new MayflyError("AUDIT_FAILED", "the audit trail cannot be flushed to its disk", { cause });
  } finally {
    await file.close();
  }
}
