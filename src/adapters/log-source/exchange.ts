import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import { request as requestHttp } from "../../node-http.ts";
import { request as requestHttps } from "node:https";
import type { SecureContext } from "node:tls";
import { sourceInvalid } from "./source-failure.ts";

const MAX_RESPONSE_HEADER_BYTES = 16_384;

const REQUEST_HEADERS = { "accept-encoding": "gzip", "user-agent": "mayfly-log-reader" };

/** What one exchange of a request and a response may cost, and over what it goes. */
export interface ExchangeOptions {
  readonly agent: Agent;
  readonly secureContext: SecureContext | undefined;
  readonly idleMs: number;
  readonly requestMs: number;
  /** Of a body, as it comes. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** A response as far as a reader of logs looks at it. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  /** Of a 200 only; the body of another status is not waited for. */
  readonly body: Uint8Array;
}

/**
 * Sends one GET and reads what comes, with every wait and every length bounded.
 *
 * @throws MayflyError `log_failed` (SOURCE_INVALID) when the body is too long; Error when the server cannot be reached, is
 *   too slow, or ends before the response does
 */
export async function exchange(url: URL, options: ExchangeOptions): Promise<Answer> {
  const { agent, secureContext, idleMs, requestMs, signal } = options;
  signal.throwIfAborted();
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    agent,
    headers: REQUEST_HEADERS,
    maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
    timeout: idleMs,
    ...(secureContext === undefined ? {} : { secureContext }),
  });
  let given: unknown;
  const giveUp = (reason: unknown): void => {
    given ??= reason;
    request.destroy();
  };
  request.on("timeout", () => {
    giveUp(new Error(`nothing came for ${idleMs} ms`));
  });
  const timer = setTimeout(() => {
    giveUp(new Error(`no whole response came within ${requestMs} ms`));
  }, requestMs);
  const abort = (): void => {
    giveUp(signal.reason);
  };
  signal.addEventListener("abort", abort);
  try {
    return await answerOf(request, url, options.maxBytes);
  } catch (error) {
    // What a request that is destroyed ends with says less.
    throw given ?? error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

async function answerOf(request: ClientRequest, url: URL, maxBytes: number): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  // Stays for good: an error may come after the response. It reaches whoever reads the body then.
  request.on("error", reject);
  request.on("response", resolve);
  // The last event of a request, and the only one when a server answers by changing the protocol.
  request.on("close", () => {
    reject(new Error("the connection was closed without a response"));
  });
  request.end();
  const response = await promise;
  const { statusCode: status = 0, headers } = response;
  try {
    if (status !== 200) return { status, headers, body: new Uint8Array(0) };
    const body = await readBody(response, maxBytes);
    if (body === undefined) throw sourceInvalid(url.href, `is longer than ${maxBytes} bytes`);
    return { status, headers, body };
  } finally {
    // A connection that still has something to say is of no use to the next request.
    if (!response.complete) request.destroy();
    else response.resume();
  }
}

const FIRST_CAPACITY = 16_384;

/** @returns undefined when there is more than `maxBytes` */
async function readBody(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array | undefined> {
  // One buffer that doubles: chunks may be a byte each, and an array of them would take many times their length.
  let bytes = new Uint8Array(Math.min(FIRST_CAPACITY, maxBytes));
  let length = 0;
  for await (const chunk of chunks) {
    const needed = length + chunk.length;
    if (needed > maxBytes) return undefined;
    if (needed > bytes.length) {
      const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, 2 * bytes.length)));
      larger.set(bytes.subarray(0, length));
      bytes = larger;
    }
    bytes.set(chunk, length);
    length = needed;
  }
  return bytes.slice(0, length);
}
