import type { DatabaseSync } from "node:sqlite";
import { packBytes, type PackedBytes } from "../../../core/encoding/packed-bytes.ts";
import type { PublishedCheckpoint, SubmissionRows } from "../../../ports/log-store.ts";
import { findFileProblems, type FileProblem } from "./find-file-problems.ts";
import { LeafIndex, type LeafLookup } from "./leaf-index.ts";
import { LogRows, type SubmissionPage } from "./log-rows.ts";
import { readLogState, type LogState } from "./log-state.ts";
import { openForReading } from "./open-database.ts";

/** What the reader's thread can be asked. `open` comes first and once. */
export interface ReaderCalls {
  readonly [name: string]: (argument: never) => unknown;
  readonly open: (path: string) => void;
  readonly published: (nothing: undefined) => PublishedCheckpoint | undefined;
  readonly entries: (range: { readonly start: number; readonly end: number }) => PackedBytes;
  readonly tile: (position: { readonly level: number; readonly index: number }) => Uint8Array | undefined;
  readonly issuer: (fingerprint: Uint8Array) => Uint8Array | undefined;
  readonly issuers: (nothing: undefined) => Uint8Array[];
  readonly indexOfSubmission: (key: Uint8Array) => number | undefined;
  readonly indexOfLeaf: (leaf: { readonly hash: Uint8Array; readonly size: number }) => LeafLookup;
  readonly state: (nothing: undefined) => LogState;
  readonly fileProblems: (nothing: undefined) => FileProblem[];
  readonly indexesOfSubmissions: (keys: Uint8Array) => (number | undefined)[];
  readonly submissionRows: (page: SubmissionPage) => SubmissionRows;
}

/** The reader's side of its thread. */
export interface ReaderThread {
  readonly calls: ReaderCalls;
  readonly close: () => void;
}

interface OpenReader {
  readonly database: DatabaseSync;
  readonly rows: LogRows;
  readonly leafIndex: LeafIndex;
}

/** File of the index by leaf hash, beside the log's database; it can be removed while no process has it open. */
const leafIndexPath = (path: string): string => `${path}.leaf-index`;

/** Makes what the reader's thread serves. */
export function makeReaderThread(): ReaderThread {
  let opened: OpenReader | undefined;
  const required = (): OpenReader => {
    if (opened === undefined) throw new TypeError("the reader was not opened");
    return opened;
  };
  return {
    calls: {
      open: (path) => {
        const database = openForReading(path);
        const rows = new LogRows(database);
        opened = { database, rows, leafIndex: new LeafIndex(leafIndexPath(path), rows) };
      },
      published: () => required().rows.published(),
      entries: ({ start, end }) => packBytes(required().rows.entries(start, end)),
      tile: ({ level, index }) => required().rows.tile(level, index),
      issuer: (fingerprint) => required().rows.issuer(fingerprint),
      issuers: () => required().rows.issuers(),
      indexOfSubmission: (key) => required().rows.indexOfSubmission(key),
      indexOfLeaf: ({ hash, size }) => required().leafIndex.find(hash, size),
      state: () => {
        const { database, rows } = required();
        return readLogState(database, rows);
      },
      fileProblems: () => {
        const { database, rows } = required();
        return findFileProblems(database, rows);
      },
      indexesOfSubmissions: (keys) => required().rows.indexesOfSubmissions(keys),
      submissionRows: (page) => required().rows.submissionRows(page),
    },
    close: () => {
      opened?.leafIndex.close();
      opened?.database.close();
    },
  };
}
