import { request as requestHttps } from "node:https";
import type { Agent, IncomingMessage } from "node:http";
import { request as requestHttp } from "../../../node-http.ts";
import { KeyFailure } from "./key-failure.ts";

const MAX_HEADER_BYTES = 16_384;
/** A key with a thousand versions, each with its public key. */
const MAX_BODY_BYTES = 1024 * 1024;

/** A request in JSON. */
export interface JsonRequest {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Keeps connections; it is of the URL's scheme. */
  readonly agent: Agent | false;
  /** Certificate authorities trusted for TLS instead of those of Node.js, PEM. */
  readonly ca?: string | undefined;
  readonly signal: AbortSignal;
}

/** A whole answer. */
export interface JsonAnswer {
  readonly status: number;
  /** The parsed body; undefined when there is none. */
  readonly body: unknown;
  /** The field `Retry-After` in milliseconds, where it has seconds (RFC 9110 §10.2.3). */
  readonly retryAfterMs: number | undefined;
}

/**
 * Asks a service that answers in JSON. Redirects are answers like others, so credentials go nowhere else. A kept connection
 * that turns out to be closed is the server's right at any time (RFC 9112 §9.3.1), and no sign of anything: the request is
 * sent once more, over a new one.
 *
 * @throws KeyFailure `unavailable` when there is no whole answer, `wrong-answer` when it is too long or no JSON though the
 *   status says success; the signal's reason
 */
export async function exchangeJson(url: URL, request: JsonRequest): Promise<JsonAnswer> {
  const { status, retryAfter, text } = await exchange(url, request).catch((error: unknown) => {
    if (error instanceof ConnectionWasClosed) return exchange(url, { ...request, agent: false });
    throw error;
  });
  return { status, body: parseBody(text, status), retryAfterMs: readRetryAfter(retryAfter) };
}

/** A kept connection was closed before it brought an answer. */
class ConnectionWasClosed extends Error {}

interface TextAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

async function exchange(url: URL, { method, headers, body, agent, ca, signal }: JsonRequest): Promise<TextAnswer> {
  signal.throwIfAborted();
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const length = bytes === undefined ? {} : { "content-type": "application/json", "content-length": bytes.length };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    method,
    agent,
    headers: { accept: "application/json", "user-agent": "mayfly", ...length, ...headers },
    maxHeaderSize: MAX_HEADER_BYTES,
    minVersion: "TLSv1.2",
    ca,
  });
  const abort = (): void => {
    reject(signal.reason);
    request.destroy();
  };
  signal.addEventListener("abort", abort);
  // Stays for good: an error may come after the response, or after somebody gave up.
  request.on("error", (error) => {
    reject(request.reusedSocket ? new ConnectionWasClosed() : error);
  });
  request.on("response", resolve);
  // The only event when a server answers by changing the protocol.
  request.on("close", () => {
    reject(new Error("the connection was closed without an answer"));
  });
  request.end(bytes);
  try {
    const response = await promise;
    const text = await readText(response);
    return { status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"], text };
  } catch (error) {
    request.destroy();
    if (signal.aborted) throw signal.reason;
    if (error instanceof ConnectionWasClosed) throw error;
    throw error instanceof KeyFailure ? error : new KeyFailure("unavailable", describeNetworkError(error));
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new KeyFailure("wrong-answer", `an answer of more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** An error page of something in between is no answer of the service, but its status says what it is. */
function parseBody(text: string, status: number): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    if (status >= 300) return undefined;
    throw new KeyFailure("wrong-answer", "an answer that is not JSON");
  }
}

const readRetryAfter = (text: string | undefined): number | undefined =>
  text !== undefined && /^[0-9]{1,6}$/u.test(text) ? Number(text) * 1_000 : undefined;

/** Of an error of `node:net` and `node:tls`: its message has names and addresses, and nothing that was sent. */
function describeNetworkError(error: unknown): string {
  return Error.isError(error) ? error.message : "the connection failed";
}
