import { MayflyError } from "../core/errors.ts";
import { subtreeHash, tilesForSubtree, tileWidthAt } from "../core/merkle/tile.ts";
import { rootOfRightEdge } from "../core/merkle/tree.ts";
import type { Checkpoint } from "../core/note/checkpoint.ts";
import type { LogSource } from "../ports/log-source.ts";
import type { TreeSoFar } from "../tlog/growing-tree.ts";
import type { LogProblem } from "../tlog/log-problem.ts";

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
 * Whether the tree that was verified is the beginning of the log's tree now, by its hash tiles (RFC 6962 §2.1.2). Tiles
 * that do not lead to the checkpoint's root prove nothing: what is wrong with them comes out when entries are verified.
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
    const now = await rootByTiles(source, size, size);
    if (Buffer.compare(now, root) !== 0) return undefined;
    const then = await rootByTiles(source, verified.size, size);
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

/** Root of the first `leaves` entries, from the tiles of a tree of `size` entries. */
async function rootByTiles(source: LogSource, leaves: number, size: number): Promise<Uint8Array> {
  const tiles = new Map<string, Uint8Array>();
  await Promise.all(
    tilesForSubtree(0, leaves).map(async ({ level, index }) => {
      const hashes = await source.tile(level, index, tileWidthAt(level, index, size));
      tiles.set(`${level}/${index}`, hashes ?? new Uint8Array(0));
    }),
  );
  return subtreeHash(0, leaves, (level, index) => tiles.get(`${level}/${index}`) ?? new Uint8Array(0));
}
