import type { IncomingMessage } from "node:http";
import { describeCauses, isOurFault, MayflyError } from "../core/errors.ts";
import type { Reason } from "../core/errors.ts";
import { describeError, encodeErrorBody } from "../wire/errors.ts";
import type { ErrorDescription } from "../wire/errors.ts";
import type { ExchangeResponse } from "./exchange.ts";
import { FRESH_JSON } from "./headers.ts";
import type { HeaderFields } from "./headers.ts";

/** Everything an answer consists of. */
export interface Answer {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly body: string | Uint8Array;
}

/** Sends a whole answer. Does nothing when the caller is gone. */
export function sendAnswer(response: ExchangeResponse, { status, headers, body }: Answer): void {
  if (response.destroyed) return;
  const { requestId } = response.locals.exchange;
  const fields = [...headers, "X-Request-Id", requestId];
  // RFC 9110 §8.6: 204 has no Content-Length, and that of 304 would be the length of what is not sent.
  if (status !== 204 && status !== 304) fields.push("Content-Length", String(Buffer.byteLength(body)));
  response.writeHead(status, fields);
  response.end(body);
  dropBody(response.req);
}

/**
 * Drops what nobody will read of a body, as it comes: a caller whose answer waits, for its turn or for being taken, could
 * fill memory with it.
 */
export function dropBody(request: IncomingMessage): void {
  if (!request.readableEnded) request.resume();
}

/** Tells the caller that its request was refused or failed, and notes it in the exchange. */
export function refuse(request: IncomingMessage, response: ExchangeResponse, error: unknown): void {
  tellRefusal(request, response, noteRefusal(response, error));
}

/** Notes in the exchange that its request was refused or failed; whatever is not a `MayflyError` becomes one. */
export function noteRefusal(response: ExchangeResponse, error: unknown): MayflyError {
  const refusal =
    error instanceof MayflyError ? error : new MayflyError("UNEXPECTED", "a handler failed", { cause: error });
  // A handler whose request was given up while it read the rest of it has nothing to add.
  if (response.writableEnded) return refusal;
  const { exchange } = response.locals;
  exchange.error = refusal;
  if (isOurFault(refusal.code)) exchange.detail = describeCauses(refusal);
  return refusal;
}

/**
 * Tells the caller of a refusal, unless it was told of one. An answer that was begun cannot be taken back: then the
 * connection is cut, so that nobody takes a part for the whole.
 */
export function tellRefusal(request: IncomingMessage, response: ExchangeResponse, refusal: MayflyError): void {
  if (response.writableEnded) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const description = describeError(refusal);
  const headers = [...FRESH_JSON, ...refusalFields(request, response, description)];
  sendAnswer(response, { status: description.status, headers, body: `${encodeErrorBody(description)}\n` });
}

function refusalFields(request: IncomingMessage, response: ExchangeResponse, description: ErrorDescription): string[] {
  const { reason, retryAfterSeconds } = description;
  const fields: string[] = [];
  if (reason === "METHOD_NOT_ALLOWED") fields.push("Allow", response.locals.exchange.allow);
  if (retryAfterSeconds !== undefined) fields.push("Retry-After", String(retryAfterSeconds));
  // What is left of the request would have to be read to its end before the next one: not for a refused caller.
  if (CLOSING.has(reason) || hasUnreadBody(request)) fields.push("Connection", "close");
  return fields;
}

/** Refusals after which it is in doubt where the next request begins, or the connection is not worth keeping. */
const CLOSING: ReadonlySet<Reason> = new Set([
  "BODY_INCOMPLETE",
  "BODY_TOO_LARGE",
  "EXPECTATION_FAILED",
  "HEADERS_TOO_LARGE",
  "HTTP_MALFORMED",
  "REQUEST_TIMEOUT",
  "SHUTTING_DOWN",
]);

function hasUnreadBody(request: IncomingMessage): boolean {
  const declared =
    request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  return declared && !request.complete;
}
