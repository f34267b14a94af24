import { MayflyError } from "../core/errors.ts";
import type { LogManifest, PublishedCheckpoint } from "../ports/log-store.ts";
import type { StaticFiles } from "../ports/static-files.ts";
import type { TrustedTiles } from "../tlog/trusted-tiles.ts";
import { verifyCheckpointNote } from "./verify-checkpoint-note.ts";

/** Path of the newest checkpoint below a log's prefix (C2SP static-ct-api). */
export const CHECKPOINT_PATH = "checkpoint";

/**
 * The checkpoint of a folder that this log was exported to; undefined when there is none.
 *
 * @throws MayflyError `log_failed` (EXPORT_CONFLICT) when it is another log's, or none at all
 */
export async function readExportedCheckpoint(
  files: StaticFiles,
  manifest: LogManifest,
): Promise<PublishedCheckpoint | undefined> {
  const note = await files.read(CHECKPOINT_PATH);
  if (note === undefined) return undefined;
  try {
    return verifyCheckpointNote(note, manifest);
  } catch (cause) {
    if (!(cause instanceof MayflyError)) throw cause;
    const detail = `${files.location} holds a checkpoint that is none of ${manifest.origin} with its keys`;
    throw new MayflyError("EXPORT_CONFLICT", detail, { cause });
  }
}

/**
 * Shows that a checkpoint may take the place of an exported one: the log has grown out of that tree. A log that has fewer
 * entries or others than were exported has been set back, or there are two of it.
 *
 * @param tiles of the tree of `checkpoint`
 * @throws MayflyError `log_failed` (LOG_ROLLED_BACK)
 */
export async function requireContinued(
  exported: PublishedCheckpoint,
  checkpoint: PublishedCheckpoint,
  tiles: TrustedTiles,
): Promise<void> {
  if (checkpoint.size < exported.size) {
    throw rolledBack(`${exported.size} entries were exported, and it has published ${checkpoint.size}`);
  }
  if (Buffer.compare(await tiles.rootOf(exported.size), exported.root) !== 0) {
    throw rolledBack(`its first ${exported.size} entries are others than those that were exported`);
  }
}

function rolledBack(how: string): MayflyError {
  return new MayflyError("LOG_ROLLED_BACK", `the log is not the one that was exported: ${how}`);
}
