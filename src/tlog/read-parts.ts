import { MayflyError } from "../core/errors.ts";
import { TILE_WIDTH } from "../core/merkle/tile.ts";
import type { LogSource } from "../ports/log-source.ts";
import { inOrder } from "./in-order.ts";

/** Data tiles that are read before they are wanted; each is at most some MiB. */
const READ_AHEAD = 4;

/** The entries of one data tile, as far as the tree has them. */
export interface StoredPart {
  /** Index of the first, a multiple of 256. */
  readonly start: number;
  readonly stored: readonly Uint8Array[];
}

/** Which entries are read. */
export interface EntryRange {
  /** Index of the first. */
  readonly start: number;
  /** Index behind the last. */
  readonly end: number;
}

/**
 * Reads entries of a log by whole data tiles, in log order and a few ahead. The first and the last part may reach beyond
 * what was asked for. Nothing is verified.
 *
 * @param treeSize of the checkpoint that is being read
 * @throws RangeError unless 0 ≤ start ≤ end ≤ treeSize
 */
export function readParts(
  source: LogSource,
  { start, end }: EntryRange,
  treeSize: number,
): AsyncGenerator<StoredPart, void, void> {
  const isRange = [start, end, treeSize].every(Number.isSafeInteger) && start >= 0 && start <= end && end <= treeSize;
  if (!isRange) throw new RangeError(`no entries ${start} to ${end} in a tree of ${treeSize}`);
  return inOrder(partsOf(source, { start, end }, treeSize), READ_AHEAD);
}

function* partsOf(
  source: LogSource,
  { start, end }: EntryRange,
  treeSize: number,
): Generator<() => Promise<StoredPart>> {
  if (start === end) return;
  for (let first = start - (start % TILE_WIDTH); first < end; first += TILE_WIDTH) {
    yield () => readPart(source, first, treeSize);
  }
}

async function readPart(source: LogSource, start: number, treeSize: number): Promise<StoredPart> {
  const end = Math.min(start + TILE_WIDTH, treeSize);
  const stored: Uint8Array[] = [];
  while (start + stored.length < end) {
    const entries = await source.entries(start + stored.length, end, treeSize);
    if (entries.length === 0 || entries.length > end - start - stored.length) {
      const asked = `entries ${start + stored.length} to ${end - 1}`;
      throw new MayflyError("SOURCE_INVALID", `${source.location} has ${entries.length} entries as ${asked}`);
    }
    stored.push(...entries);
  }
  return { start, stored };
}
