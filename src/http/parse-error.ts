import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { MayflyError } from "../core/errors.ts";
import type { Reason } from "../core/errors.ts";
import { describeError, encodeErrorBody } from "../wire/errors.ts";
import { FRESH_JSON } from "./headers.ts";

const REASON_OF: ReadonlyMap<string, Reason> = new Map([
  ["ERR_HTTP_REQUEST_TIMEOUT", "REQUEST_TIMEOUT"],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", "BODY_TOO_LARGE"],
  ["HPE_HEADER_OVERFLOW", "HEADERS_TOO_LARGE"],
  ["HPE_INVALID_EOF_STATE", "BODY_INCOMPLETE"],
]);

/** Why Node's HTTP parser gave up, by the `code` of its error; undefined when the connection itself broke. */
export function reasonOfParseError(code: string | undefined): Reason | undefined {
  if (code === undefined) return "HTTP_MALFORMED";
  return REASON_OF.get(code) ?? (code.startsWith("HPE_") ? "HTTP_MALFORMED" : undefined);
}

/** Answers what never became a request with the same JSON as any refusal, and closes the connection. */
export function refuseConnection(socket: Duplex, reason: Reason): void {
  const description = describeError(new MayflyError(reason, "refused by the HTTP parser"));
  const { status } = description;
  const body = `${encodeErrorBody(description)}\n`;
  const fields = [...FRESH_JSON, "Content-Length", String(Buffer.byteLength(body)), "Connection", "close"];
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  for (let at = 0; at < fields.length; at += 2) head += `${fields[at] ?? ""}: ${fields[at + 1] ?? ""}\r\n`;
  socket.end(`${head}\r\n${body}`, () => {
    socket.destroy();
  });
}
