import type { RequestListener } from "node:http";
import express from "express";
import type { Express, NextFunction } from "express";
import { MayflyError } from "../core/errors.ts";
import { refuse } from "./answer.ts";
import { openExchange } from "./exchange.ts";
import type { ExchangeDeps, ExchangeResponse } from "./exchange.ts";
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
 * middleware, and whatever the application throws, rejects with or does not answer becomes one JSON refusal.
 */
export function makeListener(app: Express, deps: ExchangeDeps): RequestListener {
  const run: (request: IncomingMessage, response: ExchangeResponse, done: NextFunction) => unknown = app;
  return (request, response) => {
    const answering = openExchange(request, response, deps);
    // RFC 3986 §3.3: some clients join a base URL that ends in a slash with a path that begins with one.
    if (request.url?.startsWith("//") === true) request.url = request.url.replace(/^\/+/u, "/");
    run(request, answering, (error?: unknown) => {
      refuse(request, answering, error ?? new MayflyError("NO_SUCH_PATH", "no route has this path"));
    });
  };
}
