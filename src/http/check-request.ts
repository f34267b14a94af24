import type { IncomingMessage } from "node:http";
import { MayflyError } from "../core/errors.ts";

const MAX_HEADER_FIELDS = 64;
const MAX_HEADER_VALUE_LENGTH = 24 * 1024;

/** Origin-form (RFC 9112 §3.2.1): a path and perhaps a query; no fragment, no bytes outside visible ASCII. */
const ORIGIN_FORM = /^\/[\x21\x22\x24-\x7e]*$/u;

/**
 * What Node's parser lets pass and two HTTP implementations could understand differently, or what costs more than an
 * honest caller needs.
 *
 * @throws MayflyError `malformed_request`
 */
export function checkRequest(request: IncomingMessage): void {
  checkHeaderFields(request);
  if (!ORIGIN_FORM.test(request.url ?? "")) {
    throw new MayflyError("HTTP_MALFORMED", "the request target is not in origin form");
  }
  const { expect, "transfer-encoding": transferEncoding } = request.headers;
  if (transferEncoding !== undefined && transferEncoding.toLowerCase() !== "chunked") {
    throw new MayflyError("HTTP_MALFORMED", "a transfer coding other than chunked");
  }
  if (expect !== undefined && expect.toLowerCase() !== "100-continue") {
    throw new MayflyError("EXPECTATION_FAILED", "an expectation other than 100-continue");
  }
}

/** At most 64 fields of at most 24 KiB, and one Host (RFC 9112 §3.2); of several, Node would take the first. */
function checkHeaderFields(request: IncomingMessage): void {
  const { rawHeaders } = request;
  if (rawHeaders.length > 2 * MAX_HEADER_FIELDS) {
    throw new MayflyError("HEADERS_TOO_LARGE", `more than ${MAX_HEADER_FIELDS} header fields`);
  }
  if (rawHeaders.some((text) => text.length > MAX_HEADER_VALUE_LENGTH)) {
    throw new MayflyError("HEADERS_TOO_LARGE", `a header field of more than ${MAX_HEADER_VALUE_LENGTH} characters`);
  }
  const hosts = headerValues(request, "host").length;
  if (hosts !== 1 && !(hosts === 0 && request.httpVersion === "1.0")) {
    throw new MayflyError("HTTP_MALFORMED", `${hosts} Host header fields`);
  }
}

/** The values of every header field of that name (lower case), in the order they came. */
export function headerValues({ rawHeaders }: IncomingMessage, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const field = rawHeaders[at] ?? "";
    if (field.length === name.length && field.toLowerCase() === name) values.push(rawHeaders[at + 1] ?? "");
  }
  return values;
}
