import { MayflyError } from "../../core/errors.ts";
import { subtreeHash } from "../../core/merkle/tile.ts";
import type { PublishedCheckpoint } from "../../ports/log-store.ts";

/** What a store knows when it is asked to publish. */
export interface PublishingState {
  /** Entries committed. */
  readonly committedSize: number;
  readonly published: PublishedCheckpoint | undefined;
  /** Hashes of a tile, no bytes when there is none. */
  readonly tileOf: (level: number, index: number) => Uint8Array;
}

/**
 * Decides whether a checkpoint may take the place of the published one: sizes never shrink, and of two checkpoints of
 * one size the later one stays.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT) when the checkpoint speaks of a tree that this log never had
 */
export function judgeCheckpoint(checkpoint: PublishedCheckpoint, state: PublishingState): "published" | "superseded" {
  const { size, root, timestampMs } = checkpoint;
  if (size > state.committedSize || Buffer.compare(subtreeHash(0, size, state.tileOf), root) !== 0) {
    throw new MayflyError("LOG_CORRUPT", `a checkpoint of size ${size} is not of this log`);
  }
  const current = state.published;
  if (current === undefined || size > current.size) return "published";
  return size === current.size && timestampMs > current.timestampMs ? "published" : "superseded";
}
