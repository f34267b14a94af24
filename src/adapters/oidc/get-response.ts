import { request as requestHttp } from "../../node-http.ts";
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import type { Socket, TcpSocketConnectOpts } from "node:net";
import type { ConnectionOptions } from "node:tls";

const MAX_RESPONSE_HEADER_BYTES = 16_384;
const MAX_INFORMATIONAL_RESPONSES = 8;

/** Key sets have a type of their own (RFC 7517 §8.5.2), and Kubernetes gives them to nobody who does not ask for it. */
const ACCEPT = "application/json, application/jwk-set+json";
const REQUEST_HEADERS = { accept: ACCEPT, "accept-encoding": "identity", "user-agent": "mayfly" };

/** How connections are opened, in the words of `node:net` and `node:tls`. */
export type ConnectOptions = Pick<TcpSocketConnectOpts, "lookup" | "autoSelectFamily"> &
  Pick<ConnectionOptions, "ALPNProtocols" | "minVersion" | "rejectUnauthorized" | "secureContext">;

/** How one document is asked for. */
export interface GetOptions {
  /** Keeps connections; it is of the URL's scheme. */
  readonly agent: Agent;
  readonly connection: ConnectOptions;
  /** Longest wait for a connection, with name resolution and TLS, milliseconds. */
  readonly connectMs: number;
  /** Longest wait from there until the head of the response is complete, milliseconds. */
  readonly headMs: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Sent as credentials (RFC 6750 §2.1). */
  readonly bearerToken?: string;
}

/**
 * Sends a GET and waits for the head of its response. Informational responses (RFC 9110 §15.2) are passed over, up to a
 * few. A kept connection that turns out to be closed before it brought a byte of the response is the server's right at
 * any time (RFC 9112 §9.3.1): the GET is sent once more, over a connection that is opened for it.
 *
 * @returns the response, whose body nobody reads yet: the caller reads it to its end or destroys it
 * @throws the signal's reason; Error when the server does not answer, not in time, or not in HTTP
 */
export async function getResponse(url: URL, options: GetOptions): Promise<IncomingMessage> {
  try {
    return await exchange(url, options, options.agent);
  } catch (error) {
    if (error instanceof ConnectionWasClosed) return exchange(url, options, false);
    throw error;
  }
}

/** A kept connection was closed before it brought a byte of the response. */
class ConnectionWasClosed extends Error {}

async function exchange(url: URL, options: GetOptions, agent: Agent | false): Promise<IncomingMessage> {
  const { connection, signal, bearerToken } = options;
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    ...connection,
    agent,
    headers:
      bearerToken === undefined ? REQUEST_HEADERS : { ...REQUEST_HEADERS, authorization: `Bearer ${bearerToken}` },
    maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
  });
  // A request that waits for a connection of its agent tells nobody that it was destroyed.
  const giveUp = (reason: unknown): void => {
    reject(reason);
    request.destroy();
  };
  const abort = (): void => {
    giveUp(signal.reason);
  };
  signal.addEventListener("abort", abort);
  const stopTimer = limitWaits(request, options, giveUp);
  limitInformation(request, giveUp);
  const broughtNothing = watchKeptConnection(request);
  // Stays for good: an error may come after the response, or after somebody gave up.
  request.on("error", (cause) => {
    reject(broughtNothing() ? new ConnectionWasClosed("a kept connection was closed", { cause }) : cause);
  });
  request.on("response", resolve);
  // The last event of a request, and the only one when a server answers by changing the protocol.
  request.on("close", () => {
    reject(new Error("the connection was closed without a response"));
  });
  request.end();
  try {
    return await promise;
  } finally {
    stopTimer();
    signal.removeEventListener("abort", abort);
  }
}

/** Gives up when connecting, then when the head of the response takes too long. */
function limitWaits(
  request: ClientRequest,
  { connectMs, headMs }: Pick<GetOptions, "connectMs" | "headMs">,
  giveUp: (reason: Error) => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  const limit = (what: string, limitMs: number): void => {
    timer = setTimeout(() => {
      giveUp(new Error(`${what} within ${limitMs} ms`));
    }, limitMs);
  };
  const stop = (): void => {
    clearTimeout(timer);
  };
  const waitForHead = (): void => {
    stop();
    limit("no response came", headMs);
  };
  request.once("socket", (socket) => {
    if (request.reusedSocket) {
      waitForHead();
    } else {
      limit("no connection was made", connectMs);
      socket.once(request.protocol === "https:" ? "secureConnect" : "connect", waitForHead);
    }
  });
  return stop;
}

/** Informational responses come before the one that counts; without a bound a server could send nothing else. */
function limitInformation(request: ClientRequest, giveUp: (reason: Error) => void): void {
  let count = 0;
  request.on("information", () => {
    if (++count > MAX_INFORMATIONAL_RESPONSES) giveUp(new Error("too many informational responses came"));
  });
}

/** Tells whether a request went over a connection that was kept from another one, and that has brought nothing since. */
function watchKeptConnection(request: ClientRequest): () => boolean {
  let kept: { readonly socket: Socket; readonly bytesRead: number } | undefined;
  request.once("socket", (socket) => {
    if (request.reusedSocket) kept = { socket, bytesRead: socket.bytesRead };
  });
  return () => kept !== undefined && kept.socket.bytesRead === kept.bytesRead;
}
