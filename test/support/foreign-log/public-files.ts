import { readdirSync } from "node:fs";
import { join } from "node:path";
import { TILE_WIDTH, tilePath, type TileName } from "../../../src/core/merkle/tile.ts";

/** Every tile that a reader of a tree of that size asks for (C2SP tlog-tiles, static-ct-api). */
export function tilesOf(size: number): TileName[] {
  const tiles: TileName[] = [];
  for (let level = 0, hashes = size; hashes > 0; level += 1, hashes = Math.floor(hashes / TILE_WIDTH)) {
    for (let index = 0; index * TILE_WIDTH < hashes; index += 1) {
      const width = Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH);
      tiles.push({ kind: "hash", level, index, width });
      if (level === 0) tiles.push({ kind: "data", index, width });
    }
  }
  return tiles;
}

/** Paths of the files of a log that a reader of its checkpoint of that size asks for. */
export function publicFiles(directory: string, size: number): string[] {
  const issuers = readdirSync(join(directory, "issuer")).map((name) => `issuer/${name}`);
  return ["checkpoint", ...issuers, ...tilesOf(size).map(tilePath)];
}
