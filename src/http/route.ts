import type { IncomingMessage } from "node:http";
import type { Router } from "router";
import { MayflyError } from "../core/errors.ts";
import { sendAnswer } from "./answer.ts";
import type { Answer } from "./answer.ts";
import type { ExchangeResponse } from "./exchange.ts";

/** Makes the answer to one request; a throw or rejection becomes a refusal. */
export type Handler = (request: IncomingMessage, response: ExchangeResponse) => Answer | Promise<Answer>;

/** The methods of one path. HEAD is answered only where it is named, as by Fulcio. */
export type Methods = Readonly<Partial<Record<"GET" | "HEAD" | "POST", Handler>>>;

/** Where a route is: the exact path, or a pattern of paths and the template that stands for them in events. */
export type Place = string | { readonly pattern: RegExp; readonly template: string };

/** A handler of the router, with Node's own requests and responses. */
type RouterHandler = (request: IncomingMessage, response: ExchangeResponse) => Promise<void>;

/** Adds one path, or one pattern of paths, to a router; other methods than the named ones are refused. */
export function addRoute(router: Router, place: Place, methods: Methods): void {
  const { pattern, template } = typeof place === "string" ? { pattern: place, template: place } : place;
  router.route(pattern).all(makeRouterHandler(template, methods));
}

/** Notes the route, picks the handler of the method and sends what it returns. */
function makeRouterHandler(template: string, methods: Methods): RouterHandler {
  const handlers = new Map(Object.entries(methods));
  const allow = [...handlers.keys()].join(", ");
  return async (request, response) => {
    const { exchange } = response.locals;
    exchange.route = template;
    exchange.allow = allow;
    const handler = handlers.get(request.method ?? "");
    if (handler === undefined) throw new MayflyError("METHOD_NOT_ALLOWED", `${template} has ${allow} only`);
    sendAnswer(response, await handler(request, response));
  };
}
