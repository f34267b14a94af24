import type { IncomingMessage } from "node:http";
import type { Request, Response } from "express";
import { MayflyError } from "../core/errors.ts";
import { sendAnswer } from "./answer.ts";
import type { Answer } from "./answer.ts";
import type { Exchange, ExchangeResponse } from "./exchange.ts";

/** Makes the answer to one request; a throw or rejection becomes a refusal. */
export type Handler = (request: IncomingMessage, response: ExchangeResponse) => Answer | Promise<Answer>;

/** The methods of one path. HEAD is answered only where it is named, as by Fulcio. */
export type Methods = Readonly<Partial<Record<"GET" | "HEAD" | "POST", Handler>>>;

/** An Express handler that finds the exchange in `locals`. */
export type ExpressHandler = (request: Request, response: Response<unknown, { exchange: Exchange }>) => Promise<void>;

/**
 * Takes every request for one path: notes the route, picks the handler of the method, sends what it returns.
 *
 * @param template the path as events and metrics show it
 * @throws MayflyError `method_not_allowed` for a method that the path does not have
 */
export function takeRoute(template: string, methods: Methods): ExpressHandler {
  const handlers = new Map(Object.entries(methods));
  const allow = [...handlers.keys()].join(", ");
  return async (request, response) => {
    const { exchange } = response.locals;
    exchange.route = template;
    exchange.allow = allow;
    const handler = handlers.get(request.method);
    if (handler === undefined) throw new MayflyError("METHOD_NOT_ALLOWED", `${template} has ${allow} only`);
    sendAnswer(response, await handler(request, response));
  };
}
