import type { Http2Server, ServerHttp2Session } from "node:http2";
import { Server as NetServer } from "node:net";
import type { Socket } from "node:net";
import { ServerCredentials } from "@grpc/grpc-js";
import type { Server } from "@grpc/grpc-js";
import type { CallStart } from "./call.ts";

/** A server of grpc-js that others accept connections for. */
export interface InjectedServer {
  /** Takes a connection whose next bytes are HTTP/2's preface; what TLS there was is done. */
  take(socket: Socket): void;
  /** Told of each connection that became one of HTTP/2. */
  onSession(listener: (session: ServerHttp2Session) => void): void;
  /** Puts a decision before grpc-js's own handling of streams: it gets what `decide` hands to `answer`, and nothing else. */
  onStream(decide: (start: CallStart, answer: () => void) => void): void;
  close(): void;
}

type StreamListener = (...event: unknown[]) => void;

/**
 * Opens a way for connections into a server of grpc-js. The server keeps the HTTP/2 server behind that way to itself, and
 * has no other place where connections are seen, or calls that no handler gets: this function alone knows where it is.
 *
 * @throws TypeError when it is not there, which would be another version of grpc-js
 */
export function injectInto(server: Server): InjectedServer {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const http2Server = hiddenHttp2Server(server);
  return {
    take: (socket) => {
      injector.injectConnection(socket);
    },
    onSession: (listener) => {
      http2Server.on("session", listener);
    },
    onStream: (decide) => {
      const own = http2Server.listeners("stream") as StreamListener[];
      if (own.length !== 1) throw new TypeError("grpc-js does not handle streams where it did");
      http2Server.removeAllListeners("stream");
      http2Server.on("stream", (...event) => {
        const [stream, headers, , rawHeaders] = event;
        decide({ stream, headers, rawHeaders }, () => {
          for (const answer of own) answer.call(http2Server, ...event);
        });
      });
    },
    close: () => {
      server.forceShutdown();
    },
  };
}

function hiddenHttp2Server(server: Server): Http2Server {
  const servers: unknown = Reflect.get(server, "http2Servers");
  const found: unknown = servers instanceof Map ? servers.keys().next().value : undefined;
  if (!isHttp2Server(found)) throw new TypeError("grpc-js keeps its HTTP/2 server elsewhere");
  return found;
}

/** Node has a type for its HTTP/2 servers, and no class to recognise one by. */
function isHttp2Server(value: unknown): value is Http2Server {
  return value instanceof NetServer && value.listenerCount("stream") > 0;
}
