import { MayflyError } from "../core/errors.ts";
import { rootOfRightEdge } from "../core/merkle/tree.ts";
import type { Checkpoint } from "../core/note/checkpoint.ts";
import type { LogSource } from "../ports/log-source.ts";
import type { TreeSoFar } from "../tlog/growing-tree.ts";
import type { LogProblem } from "../tlog/log-problem.ts";
import { openTrustedTiles } from "../tlog/trusted-tiles.ts";

const where = "checkpoint";

/** What two checkpoints of one log say against each other, as far as their texts tell. */
export function conflictOfCheckpoints(
  checkpoint: Pick<Checkpoint, "size" | "root">,
  earlier: Pick<Checkpoint, "size" | "root">,
): LogProblem | undefined {
  if (checkpoint.size < earlier.size) {
    return { where, what: `states ${checkpoint.size} entries, but the log has signed ${earlier.size} before` };
  }
  if (checkpoint.size > earlier.size || Buffer.compare(checkpoint.root, earlier.root) === 0) return undefined;
  return { where, what: `states another tree of ${checkpoint.size} entries than the log has signed before` };
}

/**
 * Whether the tree that was verified is the beginning of the log's tree now, by its hash tiles, each of which must lead to
 * the checkpoint's root (RFC 6962 §2.1.2). Tiles that do not lead there prove nothing against the log's past: what is wrong
 * with them comes out when entries are verified.
 *
 * @throws MayflyError `log_failed` (SOURCE_UNAVAILABLE)
 */
export async function conflictOfTiles(
  source: LogSource,
  { size, root }: Pick<Checkpoint, "size" | "root">,
  verified: TreeSoFar,
): Promise<LogProblem | undefined> {
  if (verified.size === 0 || verified.size > size) return undefined;
  try {
    const tiles = await openTrustedTiles({ size, root }, (level, index, width) => source.tile(level, index, width));
    const then = await tiles.rootOf(verified.size);
    if (Buffer.compare(then, rootOfRightEdge(verified.rightEdge)) === 0) return undefined;
  } catch (error) {
    if (error instanceof MayflyError && error.reason !== "SOURCE_UNAVAILABLE") return undefined;
    throw error;
  }
  return {
    where,
    what: `is of a tree that does not begin with the ${verified.size} entries that were verified before`,
  };
}
