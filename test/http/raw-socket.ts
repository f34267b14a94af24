import { connect } from "node:net";
import { once } from "node:events";
import type { Socket } from "node:net";
import { makeHttpServer } from "../../src/http/server.ts";
import type { HttpServer, ServerLimits } from "../../src/http/server.ts";
import type { Rig } from "./public-app.ts";

/** A server of Mayfly's on a free port, and a client that writes bytes. */
export interface RawServer {
  readonly server: HttpServer;
  readonly port: number;
  /** Opens a connection. */
  open: () => Promise<RawClient>;
  /** Sends text on a connection of its own and gives everything that came back until the server closed it. */
  exchange: (text: string | Uint8Array) => Promise<string>;
}

/** One connection, by its bytes. */
export interface RawClient {
  readonly socket: Socket;
  write(text: string | Uint8Array): void;
  /** Resolves when what has come matches. */
  received(pattern: RegExp): Promise<string>;
  /** Everything that came until the connection was closed, by whatever means. */
  closed(): Promise<string>;
}

/** Puts a rig's app behind a server on a free port of loopback. */
export async function startRaw(rig: Rig, limits: Partial<ServerLimits> = {}): Promise<RawServer> {
  const { listener, admission, exchange } = rig;
  const server = makeHttpServer({ listener, admission, exchange, limits });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const open = (): Promise<RawClient> => connectTo(port);
  return {
    server,
    port,
    open,
    exchange: async (text) => {
      const client = await open();
      client.write(text);
      return client.closed();
    },
  };
}

/** Opens a connection to a port of loopback. */
export async function connectTo(port: number): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  return makeClient(socket);
}

/** Reads from and writes to a connection that is open, with TLS or without. */
export function makeClient(socket: Socket): RawClient {
  let text = "";
  let isClosed = false;
  const waiting = new Set<() => void>();
  const wakeAll = (): void => {
    for (const wake of waiting) wake();
  };
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    wakeAll();
  });
  // A server that stops reading in the middle of a request may reset the connection after its answer.
  socket.on("error", () => undefined);
  socket.on("close", () => {
    isClosed = true;
    wakeAll();
  });
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const wake = (): void => {
        if (!condition() && !isClosed) return;
        waiting.delete(wake);
        if (condition()) resolve();
        else reject(new Error(`connection closed after ${JSON.stringify(text)}`));
      };
      waiting.add(wake);
      wake();
    });
  return {
    socket,
    write: (bytes) => socket.write(bytes),
    received: async (pattern) => {
      await until(() => pattern.test(text));
      return text;
    },
    closed: async () => {
      await until(() => isClosed);
      return text;
    },
  };
}

/** Status codes of all final answers in what a connection gave. */
export const statuses = (text: string): number[] =>
  Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /gu), ([, status]) => Number(status));

/** A POST of JSON to the signing route, as bytes. */
export function signingCall(body: string, headers = ""): string {
  return `POST /api/v2/signingCert HTTP/1.1\r\nHost: a\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
}
