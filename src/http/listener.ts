import type { RequestListener } from "node:http";
import makeExpressRouter from "router";
import type { Router } from "router";
import { MayflyError } from "../core/errors.ts";
import { dropBody, noteRefusal, tellRefusal } from "./answer.ts";
import { openExchange } from "./exchange.ts";
import type { ExchangeDeps } from "./exchange.ts";
import { makeRefusalPacing } from "../entrance/refusal-pacing.ts";
import type { PacingLimits } from "../entrance/refusal-pacing.ts";

/**
 * Express's router, to which a path has one spelling. Not an Express application, which would give each request and response
 * another prototype: nothing here uses what it adds, and Node's own code becomes slower by it.
 */
export function makeRouter(): Router {
  return makeExpressRouter({ caseSensitive: true, strict: true });
}

/**
 * Turns a router into a listener of Node's server. Each request gets its exchange before the first middleware,
 * and whatever the router throws, rejects with or does not answer becomes one JSON refusal. One that only says that there
 * are too many callers waits for its turn.
 */
export function makeListener(router: Router, deps: ExchangeDeps, pacing?: PacingLimits): RequestListener {
  const pace = makeRefusalPacing(deps.clock, pacing);
  return (request, response) => {
    const answering = openExchange(request, response, deps);
    // RFC 3986 §3.3: some clients join a base URL that ends in a slash with a path that begins with one.
    if (request.url?.startsWith("//") === true) request.url = request.url.replace(/^\/+/u, "/");
    router(request, answering, (error?: unknown) => {
      const refusal = noteRefusal(answering, error ?? new MayflyError("NO_SUCH_PATH", "no route has this path"));
      dropBody(request);
      pace(answering, refusal.reason, () => {
        tellRefusal(request, answering, refusal);
      });
    });
  };
}
