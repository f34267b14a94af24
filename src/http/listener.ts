import type { RequestListener } from "node:http";
import express from "express";
import type { Express, NextFunction } from "express";
import { MayflyError } from "../core/errors.ts";
import { dropBody, noteRefusal, tellRefusal } from "./answer.ts";
import { openExchange } from "./exchange.ts";
import type { ExchangeDeps, ExchangeResponse } from "./exchange.ts";
import { makeRefusalPacing } from "./refusal-pacing.ts";
import type { PacingLimits } from "./refusal-pacing.ts";
import type { IncomingMessage } from "node:http";

/** An Express application that matches paths exactly and adds nothing of its own to any answer. */
export function makeRouter(): Express {
  const app = express();
  app.disable("x-powered-by").disable("etag").set("query parser", false);
  app.enable("case sensitive routing").enable("strict routing");
  return app;
}

/**
 * Turns an Express application into a listener of Node's server. Each request gets its exchange before the first
 * middleware, and whatever the application throws, rejects with or does not answer becomes one JSON refusal. One that only
 * says that there are too many callers waits for its turn.
 */
export function makeListener(app: Express, deps: ExchangeDeps, pacing?: PacingLimits): RequestListener {
  const run: (request: IncomingMessage, response: ExchangeResponse, done: NextFunction) => unknown = app;
  const pace = makeRefusalPacing(deps.clock, pacing);
  return (request, response) => {
    const answering = openExchange(request, response, deps);
    // RFC 3986 §3.3: some clients join a base URL that ends in a slash with a path that begins with one.
    if (request.url?.startsWith("//") === true) request.url = request.url.replace(/^\/+/u, "/");
    run(request, answering, (error?: unknown) => {
      const refusal = noteRefusal(answering, error ?? new MayflyError("NO_SUCH_PATH", "no route has this path"));
      dropBody(request);
      pace(answering, refusal.reason, () => {
        tellRefusal(request, answering, refusal);
      });
    });
  };
}
