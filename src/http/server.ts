import { once } from "node:events";
import { createServer } from "../node-http.ts";
import type { RequestListener, Server, ServerOptions } from "node:http";
import type { AddressInfo } from "node:net";
import type { TlsOptions } from "node:tls";
import type { Admission } from "../entrance/admission.ts";
import { makeRefuseStream } from "./broken-stream.ts";
import type { RefuseStream } from "./broken-stream.ts";
import { Connections } from "./connections.ts";
import type { PipelineLimits } from "./connections.ts";
import type { ExchangeDeps } from "./exchange.ts";
import { ALPN_PROTOCOLS, divertHttp2 } from "./http2-connections.ts";
import type { Http2Connections } from "./http2-connections.ts";
import { limitConnections } from "./limit-connections.ts";
import type { ConnectionLimit, ConnectionLimits } from "./limit-connections.ts";
import { reasonOfParseError } from "./parse-error.ts";
import { makeTlsServer } from "./tls-server.ts";
import type { TlsSource } from "./tls-server.ts";

/** Bounds on connections and on the arrival of requests, milliseconds and bytes. */
export interface ServerLimits extends ConnectionLimits, PipelineLimits {
  /** From the connection to the end of its TLS handshake. */
  readonly handshakeTimeoutMs: number;
  /** From the first byte, or from the connection, to the end of the header. */
  readonly headersTimeoutMs: number;
  /** From the first byte to the end of the body; not less than `headersTimeoutMs`. */
  readonly requestTimeoutMs: number;
  /** How often both are checked. */
  readonly checkIntervalMs: number;
  /** Must exceed the idle time of a load balancer in front, or it meets closed connections. */
  readonly keepAliveTimeoutMs: number;
  /** Without a byte in either direction while a request is at work: a caller that does not read its answer. */
  readonly stallTimeoutMs: number;
  readonly maxHeaderBytes: number;
}

/** What a server is given unless its maker says otherwise. */
export const SERVER_LIMITS: ServerLimits = {
  handshakeTimeoutMs: 5_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  checkIntervalMs: 2_000,
  keepAliveTimeoutMs: 75_000,
  stallTimeoutMs: 30_000,
  maxRequestsPerSocket: 1_000,
  maxWaitingRequests: 500,
  maxConnections: 2_000,
  maxConnectionsPerAddress: Infinity,
  trustedProxies: [],
  maxHeaderBytes: 32 * 1024,
};

/** What an {@link HttpServer} is made of. */
export interface HttpServerOptions {
  readonly listener: RequestListener;
  /** Closed first, and waited for last; absent where no request is costly. */
  readonly admission?: Admission;
  /** What never becomes a request is recorded with these; absent where nothing is recorded. */
  readonly exchange?: ExchangeDeps;
  /** Absent for plain HTTP. */
  readonly tls?: TlsSource;
  readonly limits?: Partial<ServerLimits>;
  /** Takes connections that speak HTTP/2; absent where none may. */
  readonly http2?: Http2Connections;
  /** Whether a caller that offers both in its TLS handshake gets HTTP/2. */
  readonly prefersHttp2?: boolean;
  /** Told of each connection that was closed because there are too many, or too many requests wait on them. */
  readonly onConnectionRefused?: (limit: ConnectionLimit) => void;
}

/** What a close could not wait for. */
export interface CloseReport {
  /** Requests whose connection was cut before they were answered. */
  readonly requestsCut: number;
  /** Admitted work that is still running. */
  readonly workUnfinished: number;
}

/** An HTTP/1.1 server, with TLS or without; HTTP/2 is taken by others. */
export interface HttpServer {
  /** Resolves to the address in use; rejects with Node's error when there is none to be had. */
  listen(address: { readonly host: string; readonly port: number }): Promise<AddressInfo>;
  /**
   * Stops: takes no new connection, refuses new requests, lets what is at work finish, and cuts what is left at the
   * deadline. Further calls wait for the first one.
   */
  close(options: { readonly drainMs: number }): Promise<CloseReport>;
}

/** Puts a listener behind a hardened server of Node's. */
export function makeHttpServer(options: HttpServerOptions): HttpServer {
  const { listener, admission, exchange, http2, onConnectionRefused = () => undefined } = options;
  const bounds = { ...SERVER_LIMITS, ...options.limits };
  const connections = new Connections(listener, bounds, () => {
    onConnectionRefused("pipelined");
  });
  const { server, closeBeginnings } = openServer(bounds, options);
  limitConnections(server, bounds, onConnectionRefused);
  takeRequests(server, connections, makeRefuseStream(connections, exchange));
  let closing: Promise<CloseReport> | undefined;
  return {
    async listen({ host, port }) {
      const listening = once(server, "listening");
      server.listen(port, host);
      await listening;
      const address = server.address();
      if (address === null || typeof address === "string") throw new TypeError("not a TCP address");
      return address;
    },
    close({ drainMs }) {
      closing ??= drain({ server, connections, admission, closeBeginnings, http2 }, drainMs);
      return closing;
    },
  };
}

interface OpenedServer {
  readonly server: Server;
  /** Cuts connections in their TLS handshake, or before their first bytes: to HTTP they do not exist yet. */
  readonly closeBeginnings: () => void;
}

type Protocols = Pick<HttpServerOptions, "http2" | "prefersHttp2" | "tls">;

function openServer(limits: ServerLimits, { tls, http2, prefersHttp2 = false }: Protocols): OpenedServer {
  const options: ServerOptions = {
    insecureHTTPParser: false,
    // The listener itself refuses a missing Host, and several, with a JSON body.
    requireHostHeader: false,
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
  };
  const opened =
    tls === undefined
      ? { server: createServer(options), closeHandshakes: () => undefined }
      : makeTlsServer({ ...options, ...alpn(http2, prefersHttp2) }, tls, limits.handshakeTimeoutMs);
  const { server } = opened;
  const event = tls === undefined ? "connection" : "secureConnection";
  const waiting = { event, waitMs: limits.headersTimeoutMs } as const;
  const closeUndecided = http2 === undefined ? () => undefined : divertHttp2(server, http2, waiting);
  server.timeout = limits.stallTimeoutMs;
  return {
    server,
    closeBeginnings: () => {
      opened.closeHandshakes();
      closeUndecided();
    },
  };
}

/** Without a word on protocols, HTTP/1.1 is Node's only one. */
function alpn(http2: Http2Connections | undefined, prefersHttp2: boolean): TlsOptions {
  return http2 === undefined ? {} : { ALPNProtocols: [...ALPN_PROTOCOLS[prefersHttp2 ? "http2" : "both"]] };
}

function takeRequests(server: Server, connections: Connections, refuseStream: RefuseStream): void {
  const take: RequestListener = (request, response) => {
    connections.take(request, response);
  };
  server.on("request", take);
  // The listener decides about `100 Continue` and refuses other expectations.
  server.on("checkContinue", take).on("checkExpectation", take);
  server.on("connect", (_request, socket) => {
    refuseStream(socket, "HTTP_MALFORMED");
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    refuseStream(socket, reasonOfParseError(error.code));
  });
}

interface Draining extends OpenedServer {
  readonly connections: Connections;
  readonly admission: Admission | undefined;
  readonly http2: Http2Connections | undefined;
}

async function drain(
  { server, connections, admission, closeBeginnings, http2 }: Draining,
  drainMs: number,
): Promise<CloseReport> {
  admission?.close();
  connections.closeAfterAnswers();
  http2?.closeAfterAnswers();
  const closed = new Promise<void>((resolve) => {
    // Fails only when the server never listened: then it is closed.
    server.close(() => {
      resolve();
    });
  });
  const deadline = Promise.withResolvers<"deadline">();
  const timer = setTimeout(deadline.resolve, drainMs, "deadline");
  const requests = (): number => connections.busy + (http2?.busy ?? 0);
  const isBusy = (): boolean => requests() > 0 || (admission?.inFlight ?? 0) > 0;
  let ended: unknown;
  while (isBusy() && ended !== "deadline") {
    ended = await Promise.race([deadline.promise, Promise.all([connections.idle(), admission?.idle(), http2?.idle()])]);
  }
  clearTimeout(timer);
  const report = { requestsCut: requests(), workUnfinished: admission?.inFlight ?? 0 };
  // Also connections that are between two requests, or in the middle of a header.
  server.closeAllConnections();
  http2?.destroy();
  closeBeginnings();
  await closed;
  return report;
}
