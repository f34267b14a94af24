import type { IncomingMessage } from "node:http";
import type { NextFunction } from "router";
import { shuttingDown } from "../entrance/admission.ts";
import type { Admission } from "../entrance/admission.ts";
import { sendAnswer } from "./answer.ts";
import { checkRequest } from "./check-request.ts";
import type { ExchangeResponse } from "./exchange.ts";
import { PREFLIGHT } from "./headers.ts";

/** A middleware of the router, with Node's own requests and responses. */
export type Middleware = (request: IncomingMessage, response: ExchangeResponse, next: NextFunction) => void;

/** Refuses malformed requests before anything else looks at them. */
export const checkRequests: Middleware = (request, _response, next) => {
  checkRequest(request);
  next();
};

/** Answers every CORS preflight alike, whatever the path (Fetch §3.2.2). */
export const answerPreflights: Middleware = (request, response, next) => {
  const { method, headers } = request;
  if (method !== "OPTIONS" || headers.origin === undefined || !("access-control-request-method" in headers)) {
    next();
    return;
  }
  response.locals.exchange.route = "preflight";
  sendAnswer(response, { status: 204, headers: PREFLIGHT, body: "" });
};

/** Sends callers on kept connections elsewhere once the process is stopping. */
export const refuseWhenClosed =
  (admission: Admission): Middleware =>
  (_request, _response, next) => {
    if (admission.isClosed) throw shuttingDown();
    next();
  };
