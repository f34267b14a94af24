import { resolve } from "node:path";
import type { LogRecords } from "../../../ports/log-store.ts";
import type { FileProblem } from "./find-file-problems.ts";
import { requireRegularFile } from "./file-system.ts";
import type { ReaderCalls } from "./reader-calls.ts";
import { WorkerClient } from "./worker-client.ts";
import { workerUrl } from "./worker-url.ts";

/** The records of a log that is only read. */
export interface OpenedLogRecords {
  readonly records: LogRecords;
  /** Looks through the file for what no record shows. Takes as long as reading all of it. */
  readonly fileProblems: () => Promise<readonly FileProblem[]>;
  readonly close: () => Promise<void>;
}

/**
 * Opens a log's database for reading only, beside a process that writes to it or alone. Each read is a transaction of its
 * own and a short one, so that the writer's WAL can be copied back meanwhile.
 *
 * Whether the records belong together is for the reader to find out: nothing but the file's format is checked.
 *
 * @throws MayflyError `log_failed` when there is no log at `path`, or what it says of itself cannot be read
 */
export async function openSqliteLogRecords(path: string): Promise<OpenedLogRecords> {
  await requireRegularFile(path);
  // A thread that ended fails the call that is under way and every later one.
  const reader = new WorkerClient<ReaderCalls>(workerUrl("reader"), () => undefined);
  try {
    await reader.call("open", resolve(path));
    const records: LogRecords = {
      ...(await reader.call("state", undefined)),
      entries: (start, end) => reader.call("entries", { start, end }),
      tile: (level, index) => reader.call("tile", { level, index }),
      issuer: (fingerprint) => reader.call("issuer", fingerprint),
      indexesOfSubmissions: (keys) => reader.call("indexesOfSubmissions", keys),
      submissions: (after, limit) => reader.call("submissions", { after, limit }),
    };
    const fileProblems = (): Promise<readonly FileProblem[]> => reader.call("fileProblems", undefined);
    return { records, fileProblems, close: () => reader.close() };
  } catch (error) {
    await reader.close();
    throw error;
  }
}
