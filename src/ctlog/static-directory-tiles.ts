import { TILE_WIDTH, tileWidthAt, type TileName } from "../core/merkle/tile.ts";

/**
 * The full tiles that a log of `after` entries has and one of `before` entries has not (C2SP static-ct-api), from left to
 * right: each data tile with the hash tile of level 0 that belongs to it, then level by level.
 */
export function* fullTilesBetween(before: number, after: number): Generator<TileName> {
  for (let level = 0; TILE_WIDTH ** (level + 1) <= after; level++) {
    for (let index = fullTilesAt(level, before); index < fullTilesAt(level, after); index++) {
      if (level === 0) yield { kind: "data", index, width: TILE_WIDTH };
      yield { kind: "hash", level, index, width: TILE_WIDTH };
    }
  }
}

/** How many tiles {@link fullTilesBetween} gives. */
export function countFullTilesBetween(before: number, after: number): number {
  let count = fullTilesAt(0, after) - fullTilesAt(0, before);
  for (let level = 0; TILE_WIDTH ** (level + 1) <= after; level++) {
    count += fullTilesAt(level, after) - fullTilesAt(level, before);
  }
  return count;
}

/** The partial tiles at the right edge of a log of that size: one on each level at most, and the data tile. */
export function partialTilesOf(size: number): readonly TileName[] {
  const names: TileName[] = [];
  for (let level = 0; TILE_WIDTH ** level <= size; level++) {
    const index = fullTilesAt(level, size);
    const width = tileWidthAt(level, index, size);
    if (width === 0) continue;
    if (level === 0) names.push({ kind: "data", index, width });
    names.push({ kind: "hash", level, index, width });
  }
  return names;
}

function fullTilesAt(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** (level + 1));
}
