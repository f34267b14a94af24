import { request as requestHttp } from "../../node-http.ts";
import type { Agent, IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";

const MAX_RESPONSE_HEADER_BYTES = 16_384;

/** Longer than any answer of a witness: 64 signature lines of the largest kind, ML-DSA-87. */
const MAX_RESPONSE_BYTES = 512 * 1024;

/** How a body is sent. */
export interface PostOptions {
  /** Keeps connections; it is of the URL's scheme. */
  readonly agent: Agent;
  /** Ends the wait for connection, head and body alike. */
  readonly signal: AbortSignal;
}

/** A whole answer. */
export interface PostedAnswer {
  readonly status: number;
  /** Media type without parameters, in lower case; empty when there is none (RFC 9110 §8.3.1). */
  readonly mediaType: string;
  readonly body: Uint8Array;
}

/**
 * Sends a POST and reads the answer to its end. Redirects are answers like others. A kept connection that turns out to be
 * closed is the server's right at any time (RFC 9112 §9.3.1): the POST is sent once more, over a new one, which is safe for a
 * request that the server compares with its own state.
 *
 * @throws the signal's reason; Error when the server does not answer, not in HTTP, or at too great a length
 */
export async function post(url: URL, body: Uint8Array, options: PostOptions): Promise<PostedAnswer> {
  try {
    return await exchange(url, body, options);
  } catch (error) {
    if (error instanceof ConnectionWasClosed) return exchange(url, body, { ...options, agent: false });
    throw error;
  }
}

/** A kept connection was closed before it brought an answer. */
class ConnectionWasClosed extends Error {}

interface ExchangeOptions {
  readonly agent: Agent | false;
  readonly signal: AbortSignal;
}

async function exchange(url: URL, body: Uint8Array, { agent, signal }: ExchangeOptions): Promise<PostedAnswer> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    method: "POST",
    agent,
    headers: { "content-type": "text/plain; charset=utf-8", "content-length": body.length, "user-agent": "mayfly" },
    maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
  });
  const abort = (): void => {
    reject(signal.reason);
    request.destroy();
  };
  signal.addEventListener("abort", abort);
  // Stays for good: an error may come after the response, or after somebody gave up.
  request.on("error", (cause) => {
    reject(request.reusedSocket ? new ConnectionWasClosed("a kept connection was closed", { cause }) : cause);
  });
  request.on("response", resolve);
  // The only event when a server answers by changing the protocol.
  request.on("close", () => {
    reject(new Error("the connection was closed without a response"));
  });
  request.end(body);
  try {
    const response = await promise;
    return {
      status: response.statusCode ?? 0,
      mediaType: (response.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "",
      body: await readBody(response),
    };
  } catch (error) {
    request.destroy();
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function readBody(response: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_RESPONSE_BYTES) throw new Error(`the answer is longer than ${MAX_RESPONSE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
