import { MayflyError } from "../../core/errors.ts";
import { subtreeHash } from "../../core/merkle/tile.ts";
import type { PublishedCheckpoint } from "../../ports/log-store.ts";

/** What a store knows when it is asked to publish. */
export interface PublishingState {
  /** The committed tree. */
  readonly head: { readonly size: number; readonly root: Uint8Array };
  readonly published: PublishedCheckpoint | undefined;
  /** Whether the log's last checkpoint is published. */
  readonly isFrozen: boolean;
  /** Hashes of a tile, no bytes when there is none. */
  readonly tileOf: (level: number, index: number) => Uint8Array;
}

/**
 * Decides whether a checkpoint may take the place of the published one: sizes never shrink, and of two checkpoints of
 * one size the later one stays.
 *
 * @throws MayflyError `log_failed`: LOG_CORRUPT when the checkpoint speaks of a tree that this log never had, LOG_FROZEN
 *   when none is published any more
 */
export function judgeCheckpoint(checkpoint: PublishedCheckpoint, state: PublishingState): "published" | "superseded" {
  requireUnfrozen(state.isFrozen);
  const { size, root, timestampMs } = checkpoint;
  if (size > state.head.size || Buffer.compare(rootOf(size, state), root) !== 0) {
    throw new MayflyError("LOG_CORRUPT", `a checkpoint of size ${size} is not of this log`);
  }
  const current = state.published;
  if (current === undefined || size > current.size) return "published";
  return size === current.size && timestampMs > current.timestampMs ? "published" : "superseded";
}

/**
 * Refuses what cannot be a log's last checkpoint.
 *
 * @throws MayflyError `log_failed`: LOG_CORRUPT and LOG_FROZEN as for any checkpoint, LOG_WRITE_FAILED when it is not of
 *   the committed head, or older than the published one
 */
export function requireFinalCheckpoint(final: PublishedCheckpoint, state: PublishingState): void {
  const { head, published } = state;
  const verdict = judgeCheckpoint(final, state);
  if (final.size !== head.size) {
    throw new MayflyError(
      "LOG_WRITE_FAILED",
      `the last checkpoint is of ${final.size} entries, the log has ${head.size}`,
    );
  }
  if (verdict === "superseded" && final.timestampMs !== published?.timestampMs) {
    throw new MayflyError("LOG_WRITE_FAILED", "the last checkpoint is older than the published one");
  }
}

/** @throws MayflyError `log_failed` (LOG_FROZEN) */
export function requireUnfrozen(isFrozen: boolean): void {
  if (isFrozen) throw new MayflyError("LOG_FROZEN", "the log is frozen and takes neither entries nor checkpoints");
}

/** Root of the log's first `size` entries; that of all of them was checked when they were committed. */
function rootOf(size: number, { head, tileOf }: PublishingState): Uint8Array {
  return size === head.size ? head.root : subtreeHash(0, size, tileOf);
}
