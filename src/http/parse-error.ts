import type { Reason } from "../core/errors.ts";

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
