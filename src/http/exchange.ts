import type { IncomingMessage, ServerResponse } from "node:http";
import type { MayflyError } from "../core/errors.ts";
import { chooseRequestId } from "../entrance/request-id.ts";
import type { Clock } from "../ports/clock.ts";
import type { RequestEvent, Telemetry } from "../ports/telemetry.ts";

/** One request on its way to an answer: what there is to say about it, gathered while it runs. */
export interface Exchange {
  readonly requestId: string;
  /** Template of the route that took the request; stays `other` when none did. */
  route: string;
  /** Methods of the path that was asked for, comma-separated, for the Allow header field. */
  allow: string;
  /** Why the request was refused or failed. */
  error?: MayflyError;
  /** Messages of that error and its causes, when the fault is ours. */
  detail?: string;
  /** Lower-case hex, of the certificate that was issued. */
  serialNumber?: string;
  logIndex?: number;
}

/** A response that knows its exchange. */
export type ExchangeResponse = ServerResponse & { readonly locals: { readonly exchange: Exchange } };

declare module "router" {
  /** Every response has its exchange before the router sees it. */
  interface Response {
    readonly locals: ExchangeResponse["locals"];
  }
}

/** What an exchange is recorded with. */
export interface ExchangeDeps {
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, "request">;
  /** A new identifier, at most 128 visible ASCII characters; for requests that bring none. */
  readonly requestId: () => string;
}

/** Status in the event of a caller that went away before its answer was complete; never sent. */
const CLIENT_CLOSED_REQUEST = 499;

/** Starts the record of a request; exactly one telemetry event follows when its response is done or given up. */
export function openExchange(request: IncomingMessage, response: ServerResponse, deps: ExchangeDeps): ExchangeResponse {
  const requestId = chooseRequestId(request.headers["x-request-id"], deps.requestId);
  const exchange: Exchange = { requestId, route: "other", allow: "" };
  const startedMs = deps.clock.monotonic();
  const method = request.method ?? "";
  response.once("close", () => {
    const status = response.writableFinished ? response.statusCode : CLIENT_CLOSED_REQUEST;
    deps.telemetry.request({
      requestId,
      method,
      route: exchange.route,
      status,
      durationMs: deps.clock.monotonic() - startedMs,
      ...outcomeOf(exchange),
    });
  });
  return Object.assign(response, { locals: { exchange } });
}

function outcomeOf({ error, detail, serialNumber, logIndex }: Exchange): Partial<RequestEvent> {
  return {
    ...(error !== undefined && { code: error.code, reason: error.reason }),
    ...(detail !== undefined && { detail }),
    ...(serialNumber !== undefined && { serialNumber }),
    ...(logIndex !== undefined && { logIndex }),
  };
}
