import { constants } from "node:crypto";
import { createServer } from "node:https";
import type { Server, ServerOptions } from "node:https";
import type { Socket } from "node:net";
import type { TlsHandshakeFailure, TlsTelemetry } from "../ports/telemetry.ts";
import { secureContextOptions } from "./tls-pair.ts";
import type { TlsPair } from "./tls-pair.ts";

/** Where a server gets its certificate from, now and later. */
export interface TlsSource {
  readonly pair: TlsPair;
  /** Calls `use` with each pair that takes the place of the one before. */
  onChange(use: (pair: TlsPair) => void): void;
  readonly telemetry: Pick<TlsTelemetry, "handshakeFailed">;
}

/** A TLS server before it listens. */
export interface TlsServer {
  readonly server: Server;
  /** Cuts connections that are still in their handshake: to HTTP they do not exist yet. */
  closeHandshakes(): void;
}

/**
 * Makes an HTTP/1.1 server over TLS 1.2 and 1.3. A pair that comes later is used by handshakes from then on; connections
 * that are there keep theirs.
 *
 * @param handshakeTimeoutMs from the connection to the end of its handshake
 */
export function makeTlsServer(http: ServerOptions, tls: TlsSource, handshakeTimeoutMs: number): TlsServer {
  // Renegotiation costs the server a handshake for the price of one message.
  const contextOptions = (pair: TlsPair) => ({
    ...secureContextOptions(pair),
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  });
  const server = createServer({ ...http, ...contextOptions(tls.pair), handshakeTimeout: handshakeTimeoutMs });
  tls.onChange((pair) => {
    server.setSecureContext(contextOptions(pair));
  });
  // Node would hand these on as errors of the HTTP parser, to be answered in plain text.
  server.removeAllListeners("tlsClientError").on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    tls.telemetry.handshakeFailed(causeOf(error.code ?? ""));
    socket.destroy();
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return {
    server,
    closeHandshakes: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

const CAUSES: ReadonlyMap<string, TlsHandshakeFailure> = new Map([
  ["ERR_TLS_HANDSHAKE_TIMEOUT", "timeout"],
  ["ERR_SSL_HTTP_REQUEST", "plaintext"],
  ["ERR_SSL_HTTPS_PROXY_REQUEST", "plaintext"],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", "unsupported"],
  ["ERR_SSL_NO_SHARED_CIPHER", "unsupported"],
]);

/** Why a handshake failed, by the `code` of Node's error: OpenSSL's reason in capitals, or that of a system call. */
function causeOf(code: string): TlsHandshakeFailure {
  const known = CAUSES.get(code);
  if (known !== undefined) return known;
  if (!code.startsWith("ERR_SSL_")) return "disconnected";
  return code.includes("_ALERT_") ? "refused" : "malformed";
}
