import { existsSync, readdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { openFileHighWaterMark } from "../adapters/high-water-mark/file.ts";
import type { LogRecords, PublishedCheckpoint } from "../ports/log-store.ts";
import { noteProblem, type OnProblem } from "../tlog/log-problem.ts";
import { finalNotePath, type DataPaths } from "./data-paths.ts";

/** Which files there were in a data directory, before a log in it was opened. */
export interface FilesBefore {
  readonly dataDirectory: string;
  readonly names: ReadonlySet<string>;
}

/** The checkpoint that a log was frozen with, as it is kept outside its database. */
export interface FinalNote {
  /** Of its file. */
  readonly name: string;
  /** Undefined when there is no such file, or nothing can be read of it. */
  readonly checkpoint: PublishedCheckpoint | undefined;
}

/**
 * Lists a data directory before a log in it is opened. A log is frozen first, and its note written then: where the note is in
 * the list, the log must be frozen when it is read.
 */
export function listFilesBefore({ auditTrail }: Pick<DataPaths, "auditTrail">): FilesBefore {
  const dataDirectory = dirname(auditTrail);
  return { dataDirectory, names: new Set(existsSync(dataDirectory) ? readdirSync(dataDirectory) : []) };
}

/**
 * Reads the checkpoint that a log was frozen with, and tells where the log's database says something else. Its signatures and
 * its tree are still to be verified.
 */
export async function readFinalNote(
  { dataDirectory, names }: FilesBefore,
  { manifest, head }: Pick<LogRecords, "manifest" | "head">,
  onProblem: OnProblem,
): Promise<FinalNote> {
  const path = finalNotePath({ dataDirectory }, manifest.logId);
  const name = basename(path);
  if (!names.has(name)) return { name, checkpoint: undefined };
  if (manifest.frozenMs === undefined)
    onProblem({ where: name, what: "says that the log is frozen, its database does not" });
  const checkpoint = await noteProblem(name, onProblem, () =>
    openFileHighWaterMark({ path, onFailure: () => undefined }).read(),
  );
  if (checkpoint !== undefined && checkpoint.size < head.size) {
    onProblem({ where: name, what: `is of ${checkpoint.size} entries, the log has ${head.size}` });
  }
  return { name, checkpoint };
}
