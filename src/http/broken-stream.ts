import { STATUS_CODES } from "../node-http.ts";
import type { Duplex } from "node:stream";
import { MayflyError } from "../core/errors.ts";
import type { Reason } from "../core/errors.ts";
import { describeError, encodeErrorBody } from "../wire/errors.ts";
import type { ErrorDescription } from "../wire/errors.ts";
import { refuse } from "./answer.ts";
import type { Connections, Turn } from "./connections.ts";
import type { ExchangeDeps, ExchangeResponse } from "./exchange.ts";
import { FRESH_JSON } from "./headers.ts";

/**
 * Ends a connection whose bytes are no HTTP (any more), or that asks for what is never done here.
 *
 * @param reason undefined when the connection itself broke and nobody is there to be told
 */
export type RefuseStream = (socket: Duplex, reason: Reason | undefined) => void;

/**
 * Makes the one way in which a stream is refused: with the same JSON as any refusal, and one telemetry event, unless
 * what is written now would be taken for the answer to a request that is still at work.
 */
export function makeRefuseStream(connections: Connections, exchange: ExchangeDeps | undefined): RefuseStream {
  // A parser that gave up complains again about each further piece.
  const refused = new WeakSet<Duplex>();
  return (socket, reason) => {
    if (refused.has(socket)) return;
    refused.add(socket);
    const turn = connections.turnAtWork(socket);
    if (turn?.response.writableEnded === true) {
      socket.end(() => {
        socket.destroy();
      });
    } else if (reason === undefined || !socket.writable) socket.destroy();
    else if (turn === undefined) refuseConnection(socket, reason, exchange);
    else if (isOwnAnswerPossible(turn)) refuseTurn(turn, reason);
    else socket.destroy();
  };
}

type ExchangeTurn = Turn & { readonly response: ExchangeResponse };

/** Answers the request whose rest is broken, then tells whoever reads that rest that no more will come. */
function refuseTurn({ request, response }: ExchangeTurn, reason: Reason): void {
  response.once("close", () => {
    request.destroy();
  });
  refuse(request, response, new MayflyError(reason, "refused by the HTTP parser"));
}

/** Whether the broken bytes belong to the request at work, and nothing of its answer has been sent. */
function isOwnAnswerPossible(turn: Turn): turn is ExchangeTurn {
  const { request, response } = turn;
  return !request.complete && !response.headersSent && "locals" in response;
}

/** Answers what never became a request, closes the connection, and puts it on record with a duration of 0. */
function refuseConnection(socket: Duplex, reason: Reason, exchange: ExchangeDeps | undefined): void {
  const error = new MayflyError(reason, "refused by the HTTP parser");
  const description = describeError(error);
  const requestId = exchange?.requestId();
  socket.end(encodeRefusal(description, requestId), () => {
    socket.destroy();
  });
  if (exchange === undefined || requestId === undefined) return;
  const { status } = description;
  exchange.telemetry.request({
    requestId,
    method: "",
    route: "other",
    status,
    durationMs: 0,
    code: error.code,
    reason,
  });
}

/** A whole HTTP/1.1 response (RFC 9112 §4). */
function encodeRefusal(description: ErrorDescription, requestId: string | undefined): string {
  const { status } = description;
  const body = `${encodeErrorBody(description)}\n`;
  const fields = [...FRESH_JSON, "Content-Length", String(Buffer.byteLength(body)), "Connection", "close"];
  if (requestId !== undefined) fields.push("X-Request-Id", requestId);
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  for (let at = 0; at < fields.length; at += 2) head += `${fields[at] ?? ""}: ${fields[at + 1] ?? ""}\r\n`;
  return `${head}\r\n${body}`;
}
