import type { IncomingMessage, ServerResponse } from "node:http";
import { MayflyError } from "../core/errors.ts";

/** Bounds on one request body. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** From the end of the header to the end of the body. */
  readonly timeoutMs: number;
}

/** Fulcio takes 4 MiB; the largest honest body is under 40 KiB. */
export const BODY_LIMITS: BodyLimits = { maxBytes: 128 * 1024, timeoutMs: 15_000 };

/** `application/json`, perhaps with parameters, of which only a charset of UTF-8 says anything (RFC 8259 §11). */
const JSON_TYPE = /^application\/json[\t ]*(?:;|$)/iu;
const CHARSET = /;[\t ]*charset[\t ]*=[\t ]*"?([^\t ";]*)/giu;

/**
 * Reads a JSON request body whole, bounded in size and time. What the header already tells is refused before the first
 * byte of the body is asked for.
 *
 * @param response told to send `100 Continue` (RFC 9110 §10.1.1) when the caller waits for it
 * @throws MayflyError `too_large` or `malformed_request`
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  limits: BodyLimits = BODY_LIMITS,
): Promise<Uint8Array> {
  checkContentHeaders(request);
  if (Number(request.headers["content-length"] ?? 0) > limits.maxBytes) throw tooLarge(limits);
  if (request.headers.expect !== undefined) response.writeContinue();
  return collect(request, limits);
}

function checkContentHeaders({ headers }: IncomingMessage): void {
  const { "content-type": type = "application/json", "content-encoding": encoding = "identity" } = headers;
  if (encoding.toLowerCase() !== "identity") {
    throw new MayflyError("UNSUPPORTED_MEDIA_TYPE", "a content coding, which is never undone here");
  }
  if (type === "application/json") return;
  const charsets = Array.from(type.matchAll(CHARSET), ([, charset = ""]) => charset.toLowerCase());
  if (!JSON_TYPE.test(type) || charsets.some((charset) => charset !== "utf-8")) {
    throw new MayflyError("UNSUPPORTED_MEDIA_TYPE", "a content type other than JSON in UTF-8");
  }
}

function collect(request: IncomingMessage, limits: BodyLimits): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const timer = setTimeout(() => {
      refuse(new MayflyError("REQUEST_TIMEOUT", `the body took more than ${limits.timeoutMs} ms`));
    }, limits.timeoutMs);
    const onData = (chunk: Uint8Array): void => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > limits.maxBytes) refuse(tooLarge(limits));
    };
    const onEnd = (): void => {
      stop();
      resolve(join(chunks));
    };
    /** Also when the connection ends early; after `end` nobody listens any more. */
    const onClose = (): void => {
      refuse(new MayflyError("BODY_INCOMPLETE", "the body ended early"));
    };
    const stop = (): void => {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("close", onClose);
    };
    const refuse = (error: MayflyError): void => {
      stop();
      request.pause();
      reject(error);
    };
    request.on("data", onData).once("end", onEnd).once("close", onClose);
  });
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks);
}

function tooLarge({ maxBytes }: BodyLimits): MayflyError {
  return new MayflyError("BODY_TOO_LARGE", `more than ${maxBytes} bytes`);
}
