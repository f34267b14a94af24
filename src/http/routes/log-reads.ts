import type { Router } from "router";
import { MayflyError } from "../../core/errors.ts";
import type { ClientAddress } from "../../entrance/client-address.ts";
import { makeRouter } from "../listener.ts";
import { makeRepresent } from "../representation.ts";
import { addRoute } from "../route.ts";
import type { Handler } from "../route.ts";
import { makeTilePlaces, TILE_LIMITS } from "../tile-places.ts";
import type { TileLimits } from "../tile-places.ts";
import type { LogRead, PublishedLog } from "./log-read.ts";
import { rfc6962Reads } from "./rfc6962-reads.ts";
import { staticCtReads } from "./static-ct-reads.ts";

/** What the routes of the logs need. */
export interface LogReadsDeps {
  /** The logs that are read now; another list when one has come. Asked for each request. */
  readonly logs: () => readonly PublishedLog[];
  readonly clientAddress: ClientAddress;
  readonly tileLimits?: TileLimits;
}

/** GET and HEAD of everything that outsiders read of each log. The logs share the places of large reads. */
export function addLogReads(router: Router, { logs, clientAddress, tileLimits = TILE_LIMITS }: LogReadsDeps): void {
  const takePlace = makeTilePlaces(tileLimits);
  const represent = makeRepresent();
  const makeHandler =
    ({ isLarge, read }: LogRead): Handler =>
    async (request, response) => {
      if (isLarge) takePlace(clientAddress(request), response);
      const { url = "" } = request;
      const end = url.indexOf("?");
      const [path, query] = end === -1 ? [url, ""] : [url.slice(0, end), url.slice(end + 1)];
      const resource = await read({ path, query });
      // What is not there must not be remembered as missing by a cache in between: refusals are never stored.
      if (resource === undefined) throw new MayflyError("NO_SUCH_TILE", "the published log has no such resource");
      return represent(request, resource);
    };
  const makeRoutes = (log: PublishedLog): Router => {
    const router = makeRouter();
    for (const read of [...staticCtReads(log), ...rfc6962Reads(log)]) {
      const pattern = new RegExp(`^${quoted(log.pathPrefix)}${read.pattern}$`, "u");
      const handler = makeHandler(read);
      addRoute(router, { pattern, template: `{log}/${read.template}` }, { GET: handler, HEAD: handler });
    }
    return router;
  };
  const makeRoutesOfAll = (served: readonly PublishedLog[]): Router => {
    const router = makeRouter();
    for (const log of served) {
      const routes = makeRoutes(log);
      // There may be many logs, each with many patterns: only those of the log that is asked are tried.
      router.use((request, response, next) => {
        if (request.url?.startsWith(`${log.pathPrefix}/`) === true) routes(request, response, next);
        else next();
      });
    }
    return router;
  };
  let known: { readonly served: readonly PublishedLog[]; readonly routes: Router } | undefined;
  router.use((request, response, next) => {
    const served = logs();
    if (known?.served !== served) known = { served, routes: makeRoutesOfAll(served) };
    known.routes(request, response, next);
  });
}

/** The text as a pattern that matches nothing else. */
function quoted(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, "\\$&");
}
