import type { DatabaseSync } from "node:sqlite";
import type { PublishedCheckpoint } from "../../../ports/log-store.ts";
import { LogRows } from "./log-rows.ts";
import { readLogState, type LogState } from "./log-state.ts";
import { LogWriter, type AppendResult } from "./log-writer.ts";
import { openForWriting } from "./open-database.ts";
import { unpackBatch, type PackedBatch } from "./packed-batch.ts";
import { readTogether } from "./read-together.ts";
import { WalCheckpointer } from "./wal-checkpointer.ts";

/** What the writer's thread can be asked. `open` comes first and once. */
export interface WriterCalls {
  readonly [name: string]: (argument: never) => unknown;
  readonly open: (path: string) => void;
  readonly state: (nothing: undefined) => LogState;
  readonly append: (batch: PackedBatch) => AppendResult;
  readonly publish: (checkpoint: PublishedCheckpoint) => "published" | "superseded";
  readonly freeze: (final: PublishedCheckpoint) => void;
}

/** The writer's side of its thread. */
export interface WriterThread {
  readonly calls: WriterCalls;
  /** To be called after each answer: looks after the WAL. */
  readonly afterReply: () => void;
  readonly close: () => void;
}

/** Quiet time after which the WAL is copied back. */
const IDLE_MS = 250;

interface OpenWriter {
  readonly database: DatabaseSync;
  readonly rows: LogRows;
  readonly writer: LogWriter;
  readonly checkpointer: WalCheckpointer;
  readonly idleTimer: NodeJS.Timeout;
}

/** Makes what the writer's thread serves. */
export function makeWriterThread(): WriterThread {
  let opened: OpenWriter | undefined;
  const required = (): OpenWriter => {
    if (opened === undefined) throw new TypeError("the writer was not opened");
    return opened;
  };
  return {
    calls: {
      open: (path) => {
        opened = openWriter(path);
      },
      state: () => {
        const { database, rows } = required();
        return readLogState(database, rows);
      },
      append: (batch) => required().writer.append(unpackBatch(batch)),
      publish: (checkpoint) => required().writer.publish(checkpoint),
      freeze: (final) => {
        required().writer.freeze(final);
      },
    },
    afterReply: () => {
      if (opened?.checkpointer.isOverdue() === true) opened.checkpointer.run();
      opened?.idleTimer.refresh();
    },
    close: () => {
      clearTimeout(opened?.idleTimer);
      try {
        // Closing does it only where no reader stays.
        opened?.checkpointer.run();
      } finally {
        opened?.database.close();
      }
    },
  };
}

function openWriter(path: string): OpenWriter {
  const database = openForWriting(path);
  try {
    const rows = new LogRows(database);
    readTogether(database, () => {
      rows.requireConsistent();
    });
    const checkpointer = new WalCheckpointer(database);
    const idleTimer = setTimeout(() => {
      checkpointer.run();
    }, IDLE_MS).unref();
    return { database, rows, writer: new LogWriter(database), checkpointer, idleTimer };
  } catch (error) {
    database.close();
    throw error;
  }
}
