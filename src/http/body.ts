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
    const body = new Collected(limits.maxBytes);
    const timer = setTimeout(() => {
      refuse(new MayflyError("REQUEST_TIMEOUT", `the body took more than ${limits.timeoutMs} ms`));
    }, limits.timeoutMs);
    const onData = (chunk: Uint8Array): void => {
      if (!body.add(chunk)) refuse(tooLarge(limits));
    };
    const onEnd = (): void => {
      stop();
      resolve(body.bytes);
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
      reject(error);
    };
    request.on("data", onData).once("end", onEnd).once("close", onClose);
  });
}

/**
 * Chunks put together as they come. Kept one by one they would cost what their number costs: a chunk of one byte is an
 * object of some 350.
 */
class Collected {
  readonly #maxBytes: number;
  #buffer: Uint8Array = new Uint8Array(0);
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Takes a chunk; false when there is no room for it. The first one, mostly the only one, is taken without a copy. */
  add(chunk: Uint8Array): boolean {
    const length = this.#length + chunk.length;
    if (length > this.#maxBytes) return false;
    if (this.#length === 0) this.#buffer = chunk;
    else {
      if (length > this.#buffer.length) this.#grow(length);
      this.#buffer.set(chunk, this.#length);
    }
    this.#length = length;
    return true;
  }

  /** To twice the size, so that however many chunks come, each byte is copied about twice. */
  #grow(length: number): void {
    const grown = Buffer.allocUnsafe(Math.max(length, Math.min(2 * this.#buffer.length, this.#maxBytes)));
    grown.set(this.#buffer);
    this.#buffer = grown;
  }
}

function tooLarge({ maxBytes }: BodyLimits): MayflyError {
  return new MayflyError("BODY_TOO_LARGE", `more than ${maxBytes} bytes`);
}
