import type { DatabaseSync } from "node:sqlite";
import type { LogManifest, PublishedCheckpoint, TreeHead } from "../../../ports/log-store.ts";
import { LogRows } from "./log-rows.ts";
import { openForReading } from "./open-database.ts";
import { readTogether } from "./read-together.ts";

/** What the reader's thread can be asked. `open` comes first and once. */
export interface ReaderCalls {
  readonly [name: string]: (argument: never) => unknown;
  readonly open: (path: string) => void;
  readonly manifest: (nothing: undefined) => LogManifest;
  readonly head: (nothing: undefined) => TreeHead;
  readonly published: (nothing: undefined) => PublishedCheckpoint | undefined;
  readonly entries: (range: { readonly start: number; readonly end: number }) => Uint8Array[];
  readonly tile: (position: { readonly level: number; readonly index: number }) => Uint8Array | undefined;
  readonly issuer: (fingerprint: Uint8Array) => Uint8Array | undefined;
  readonly indexOfSubmission: (sha256: Uint8Array) => number | undefined;
}

/** The reader's side of its thread. */
export interface ReaderThread {
  readonly calls: ReaderCalls;
  readonly close: () => void;
}

/** Makes what the reader's thread serves. */
export function makeReaderThread(): ReaderThread {
  let opened: { readonly database: DatabaseSync; readonly rows: LogRows } | undefined;
  const required = (): { readonly database: DatabaseSync; readonly rows: LogRows } => {
    if (opened === undefined) throw new TypeError("the reader was not opened");
    return opened;
  };
  return {
    calls: {
      open: (path) => {
        const database = openForReading(path);
        opened = { database, rows: new LogRows(database) };
      },
      manifest: () => required().rows.manifest(),
      head: () => {
        const { database, rows } = required();
        return readTogether(database, () => rows.head());
      },
      published: () => required().rows.published(),
      entries: ({ start, end }) => required().rows.entries(start, end),
      tile: ({ level, index }) => required().rows.tile(level, index),
      issuer: (fingerprint) => required().rows.issuer(fingerprint),
      indexOfSubmission: (sha256) => required().rows.indexOfSubmission(sha256),
    },
    close: () => opened?.database.close(),
  };
}
