import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { openFetchJson, type FetchedJson, type FetchWaits } from "../../../src/adapters/oidc/fetch-json.ts";
import { IssuerFailure } from "../../../src/adapters/oidc/issuer-failure.ts";
import type { IssuerSettings } from "../../../src/adapters/oidc/issuer-settings.ts";
import type { LookupAll } from "../../../src/adapters/oidc/public-address.ts";
import { issuerSettings } from "../../support/issuer-settings.ts";
import type { TestTlsPair } from "../../support/tls-pair.ts";

/** A GET as it came, and the socket to answer on, in whatever a test takes for HTTP. */
export interface RawRequest {
  readonly socket: Socket;
  readonly head: string;
  /** Which connection it came over, from 0. */
  readonly connection: number;
  /** How many requests came before it, over all connections. */
  readonly index: number;
}

export type Answer = (request: RawRequest) => void;

/** A server on loopback that writes what it is told, byte for byte. */
export class RawServer {
  readonly port: number;
  readonly requests: RawRequest[] = [];
  /** Those open now, and those there ever were. */
  readonly open = new Set<Socket>();
  connections = 0;
  answer: Answer = () => undefined;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(tls?: TestTlsPair): Promise<RawServer> {
    const serve = (socket: Socket): void => {
      raw.#serve(socket);
    };
    const server =
      tls === undefined
        ? createServer(serve)
        : createTlsServer({ cert: tls.certificate, key: tls.key, ALPNProtocols: ["h2", "http/1.1"] }, serve);
    server.on("tlsClientError", () => undefined);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const raw = new RawServer(server);
    return raw;
  }

  #serve(socket: Socket): void {
    const connection = this.connections++;
    let received = "";
    this.open.add(socket);
    socket.on("close", () => this.open.delete(socket));
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      if (!received.endsWith("\r\n\r\n")) return;
      const request = { socket, head: received, connection, index: this.requests.length };
      received = "";
      this.requests.push(request);
      this.answer(request);
    });
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.open) socket.destroy();
    await closed;
  }
}

/** Answers with these bytes, and leaves the connection open. */
export const send =
  (...parts: readonly (string | Uint8Array)[]): Answer =>
  ({ socket }) => {
    socket.write(bytesOf(...parts));
  };

/** Answers with these bytes, and closes the connection. */
export const sendAndEnd =
  (...parts: readonly (string | Uint8Array)[]): Answer =>
  ({ socket }) => {
    socket.end(bytesOf(...parts));
  };

export const bytesOf = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));

/** A response whose length is said, 200 and JSON unless changed. */
export function response(body: string | Uint8Array, headers = "Content-Type: application/json\r\n"): Buffer {
  return bytesOf(`HTTP/1.1 200 OK\r\n${headers}Content-Length: ${body.length}\r\n\r\n`, body);
}

/** A body in chunks of `size` bytes (RFC 9112 §7.1), with what may follow the last one. */
export function chunked(body: string | Uint8Array, { size = 1 << 20, trailers = "" } = {}): Buffer {
  const bytes = bytesOf(body);
  const parts: (string | Uint8Array)[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, at + size);
    parts.push(`${chunk.length.toString(16)}\r\n`, chunk, "\r\n");
  }
  parts.push(`0\r\n${trailers}\r\n`);
  return Buffer.concat(parts.map((part) => bytesOf(part)));
}

export interface OpenOptions {
  readonly settings?: Partial<IssuerSettings>;
  readonly lookup?: LookupAll;
  readonly waits?: Partial<FetchWaits>;
}

const LONG_WAITS: FetchWaits = { dnsMs: 60_000, connectMs: 60_000, headMs: 60_000, idleMs: 60_000 };

/** A way to the network for an issuer who may do everything, with long waits unless told. */
export function openFor({ settings, lookup, waits }: OpenOptions = {}) {
  const issuer = issuerSettings({ allowInsecureHttp: true, allowPrivateNetwork: true, ...settings });
  const inForce: { -readonly [Name in keyof FetchWaits]: number } = { ...LONG_WAITS, ...waits };
  const opened = openFetchJson(issuer, lookup, inForce);
  return {
    get: (url: string, signal = new AbortController().signal, maxBytes = 1000): Promise<FetchedJson> =>
      opened.fetchJson(url, { maxBytes, signal }),
    close: (): Promise<void> => opened.close(),
    /** Changes are for the next fetch. */
    waits: inForce,
  };
}

/** The failure that a fetch ends with. */
export async function failureOf(fetched: Promise<unknown>): Promise<IssuerFailure> {
  try {
    await fetched;
  } catch (error) {
    if (error instanceof IssuerFailure) return error;
    throw error;
  }
  throw new Error("the document was fetched");
}
