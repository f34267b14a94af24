import type { IncomingMessage, ServerResponse } from "node:http";
import type { Express } from "express";
import { MayflyError } from "../../core/errors.ts";
import { parseTilePath } from "../../core/merkle/tile.ts";
import type { StaticCtView } from "../../ctlog/static-ct-view.ts";
import type { ClientAddress } from "../client-address.ts";
import { CHECKPOINT, ISSUER, TILE } from "../headers.ts";
import type { HeaderFields } from "../headers.ts";
import { addRoute } from "../route.ts";
import type { Handler, Methods, Place } from "../route.ts";
import { makeTilePlaces, TILE_LIMITS } from "../tile-places.ts";
import type { TileLimits } from "../tile-places.ts";

/** A log and where it is read. */
export interface PublishedLog {
  /** What comes before `/checkpoint` in a URL's path: empty, or a slash and more, without a final slash. */
  readonly pathPrefix: string;
  readonly reads: StaticCtView;
}

/** What the log's routes need. */
export interface LogReadsDeps {
  readonly log: PublishedLog;
  readonly clientAddress: ClientAddress;
  readonly tileLimits?: TileLimits;
}

/** GET and HEAD of `<prefix>/checkpoint`, `<prefix>/tile/…` and `<prefix>/issuer/<hex>`. */
export function addLogReads(app: Express, { log, clientAddress, tileLimits = TILE_LIMITS }: LogReadsDeps): void {
  const { pathPrefix, reads } = log;
  const takePlace = makeTilePlaces(tileLimits);
  const at = (pattern: string, template: string): Place => ({
    pattern: new RegExp(`^${quoted(pathPrefix)}${pattern}$`, "u"),
    template: `{log}/${template}`,
  });
  const tile: Read = (request, response) => {
    takePlace(clientAddress(request), response);
    return readTile(reads, pathOf(request).slice(pathPrefix.length + 1));
  };
  const issuer: Read = (request) => reads.issuer(Buffer.from(pathOf(request).slice(-64), "hex"));
  addRoute(
    app,
    at("/checkpoint", "checkpoint"),
    readOnly(CHECKPOINT, () => reads.checkpoint()),
  );
  addRoute(app, at("/tile/.*", "tile"), readOnly(TILE, tile));
  addRoute(app, at("/issuer/[0-9a-f]{64}", "issuer"), readOnly(ISSUER, issuer));
}

type Read = (request: IncomingMessage, response: ServerResponse) => Promise<Uint8Array | undefined>;

function readTile(reads: StaticCtView, path: string): Promise<Uint8Array | undefined> {
  const tile = parseTilePath(path);
  if (tile === undefined) return Promise.resolve(undefined);
  return tile.kind === "data"
    ? reads.dataTile(tile.index, tile.width)
    : reads.hashTile(tile.level, tile.index, tile.width);
}

/** What is there is served as it is; what is not must not be remembered as missing by a cache in between. */
function readOnly(headers: HeaderFields, read: Read): Methods {
  const handler: Handler = async (request, response) => {
    const body = await read(request, response);
    if (body === undefined) throw new MayflyError("NO_SUCH_TILE", "the published log has no such resource");
    return { status: 200, headers, body };
  };
  return { GET: handler, HEAD: handler };
}

/** The path of a request target in origin-form, without its query. */
function pathOf({ url = "" }: IncomingMessage): string {
  const end = url.indexOf("?");
  return end === -1 ? url : url.slice(0, end);
}

/** The text as a pattern that matches nothing else. */
function quoted(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, "\\$&");
}
