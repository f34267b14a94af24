import { MayflyError } from "../../core/errors.ts";
import type { PublishedCheckpoint, TreeHead } from "../../ports/log-store.ts";

/**
 * Refuses a checkpoint of more entries than are committed.
 *
 * @throws MayflyError `log_failed` (LOG_CORRUPT)
 */
export function requireCommitted(checkpoint: Pick<PublishedCheckpoint, "size">, head: Pick<TreeHead, "size">): void {
  if (checkpoint.size <= head.size) return;
  throw new MayflyError("LOG_CORRUPT", `a checkpoint of ${checkpoint.size} entries, where ${head.size} are committed`);
}
