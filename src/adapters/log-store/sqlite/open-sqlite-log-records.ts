import { resolve } from "node:path";
import { unpackBytes } from "../../../core/encoding/packed-bytes.ts";
import type { LogRecords } from "../../../ports/log-store.ts";
import type { FileProblem } from "./find-file-problems.ts";
import { requireRegularFile } from "./file-system.ts";
import { readAhead, type ReadAhead } from "./read-ahead.ts";
import type { ReaderCalls } from "./reader-calls.ts";
import { WorkerClient } from "./worker-client.ts";
import { workerUrl } from "./worker-url.ts";

/** The records of a log that is only read. */
export interface OpenedLogRecords {
  readonly records: LogRecords;
  /** Looks through the file for what no record shows, in a thread of its own. Takes as long as reading all of it. */
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
    const state = await reader.call("state", undefined);
    const records: LogRecords = {
      ...state,
      entries: async (start, end) => unpackBytes(await reader.call("entries", { start, end })),
      packedEntries: (start, end) => reader.call("entries", { start, end }),
      tile: (level, index) => reader.call("tile", { level, index }),
      issuer: (fingerprint) => reader.call("issuer", fingerprint),
      indexesOfSubmissions: (keys) => reader.call("indexesOfSubmissions", keys),
      submissionRows: (from, limit) => reader.call("submissionRows", { size: state.head.size, from, limit }),
    };
    const ahead: ReadAhead[] = [];
    return {
      records,
      fileProblems: async () => {
        ahead.push(await readAhead(path));
        return findFileProblems(path);
      },
      close: async () => {
        await reader.close();
        for (const { close } of ahead) await close();
      },
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function findFileProblems(path: string): Promise<readonly FileProblem[]> {
  const reader = new WorkerClient<ReaderCalls>(workerUrl("reader"), () => undefined);
  try {
    await reader.call("open", resolve(path));
    return await reader.call("fileProblems", undefined);
  } finally {
    await reader.close();
  }
}
