import { parseTilePath } from "../../core/merkle/tile.ts";
import type { StaticCtView } from "../../ctlog/static-ct-view.ts";
import { CHECKPOINT, ISSUER, SHORT_LIVED_JSON, TILE } from "../headers.ts";
import type { HeaderFields } from "../headers.ts";
import type { Resource } from "../representation.ts";
import type { LogRead, PublishedLog } from "./log-read.ts";

/**
 * `<prefix>/checkpoint`, `/tile/…`, `/issuer/<hex>` (C2SP static-ct-api) and `/log.v3.json`. Our own is
 * `/checkpoint.cosigned`: while a log grows, the tree at `/checkpoint` is often newer than what witnesses have seen.
 */
export function staticCtReads({ view, pathPrefix }: PublishedLog): readonly LogRead[] {
  const { staticCt } = view;
  return [
    {
      pattern: "/checkpoint",
      template: "checkpoint",
      isLarge: false,
      read: async () => plain(CHECKPOINT, await staticCt.checkpoint()),
    },
    {
      pattern: "/checkpoint\\.cosigned",
      template: "checkpoint.cosigned",
      isLarge: false,
      read: async () => {
        const note = await staticCt.cosignedCheckpoint();
        return note && plain(CHECKPOINT, note);
      },
    },
    {
      pattern: "/tile/.*",
      template: "tile",
      isLarge: true,
      read: ({ path }) => readTile(staticCt, path.slice(pathPrefix.length + 1)),
    },
    {
      pattern: "/issuer/[0-9a-f]{64}",
      template: "issuer",
      isLarge: false,
      read: async ({ path }) => {
        const der = await staticCt.issuer(Buffer.from(path.slice(-64), "hex"));
        return der && plain(ISSUER, der);
      },
    },
    {
      pattern: "/log\\.v3\\.json",
      template: "log.v3.json",
      isLarge: false,
      read: () => Promise.resolve(plain(SHORT_LIVED_JSON, view.logV3Json())),
    },
  ];
}

async function readTile(view: StaticCtView, path: string): Promise<Resource | undefined> {
  const tile = parseTilePath(path);
  if (tile === undefined) return undefined;
  if (tile.kind === "hash") {
    const hashes = await view.hashTile(tile.level, tile.index, tile.width);
    return hashes && plain(TILE, hashes);
  }
  const entries = await view.dataTile(tile.index, tile.width);
  // Names, keys of the CA and the precertificate beside its TBS repeat themselves; hashes do not.
  return entries && { headers: TILE, body: entries, isCompressible: true };
}

function plain(headers: HeaderFields, body: Uint8Array): Resource {
  return { headers, body, isCompressible: false };
}
