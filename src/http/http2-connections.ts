import type { Server, Socket } from "node:net";

/** Who takes the connections of a server that speak HTTP/2. */
export interface Http2Connections {
  /** Takes a connection whose next bytes are HTTP/2's preface (RFC 9113 §3.4). */
  take(socket: Socket): void;
  /** Requests that are not over. */
  readonly busy: number;
  /** Resolves when none is; at once when none is. */
  idle(): Promise<void>;
  /** Tells callers to go elsewhere, and closes each connection behind the last of its requests. */
  closeAfterAnswers(): void;
  /** Cuts what is left. */
  destroy(): void;
}

/**
 * Protocols of a handshake (RFC 7301), the preferred one first. Where both are served, a caller that offers both gets
 * HTTP/1.1, for only what knows nothing else is sure to want gRPC: over HTTP/2 nothing else is served.
 */
export const ALPN_PROTOCOLS = { both: ["http/1.1", "h2"], http2: ["h2", "http/1.1"] } as const;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

type ConnectionListener = (socket: Socket) => void;

/**
 * Has the HTTP/2 connections of a server taken by somebody else: what chose it in its TLS handshake, or begins with its
 * preface. All others go the way they went before.
 *
 * @param event what the server emits for a connection that is ready: `secureConnection` after a TLS handshake
 * @param waitMs for the first bytes of a connection
 * @returns what cuts connections of which it is not clear yet: they are nobody's
 */
export function divertHttp2(
  server: Server,
  http2: Pick<Http2Connections, "take">,
  { event, waitMs }: { readonly event: "connection" | "secureConnection"; readonly waitMs: number },
): () => void {
  const undecided = new Set<Socket>();
  const own = server.listeners(event) as ConnectionListener[];
  server.removeAllListeners(event);
  const takeAsBefore = (socket: Socket): void => {
    for (const take of own) take.call(server, socket);
  };
  server.on(event, (socket: Socket & { readonly alpnProtocol?: string | false | null }) => {
    if (event === "secureConnection") {
      if (socket.alpnProtocol === "h2") http2.take(socket);
      else takeAsBefore(socket);
      return;
    }
    undecided.add(socket);
    socket.once("close", () => undecided.delete(socket));
    readPreface(socket, waitMs, (isHttp2) => {
      undecided.delete(socket);
      if (isHttp2) http2.take(socket);
      else takeAsBefore(socket);
    });
  });
  return () => {
    for (const socket of undecided) socket.destroy();
  };
}

/** Reads until it is clear whether a connection begins with the preface, and puts everything back. */
function readPreface(socket: Socket, waitMs: number, decide: (isHttp2: boolean) => void): void {
  let head: Uint8Array = new Uint8Array(0);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off("readable", look).off("close", stop).off("error", stop);
  };
  const timer = setTimeout(() => {
    socket.destroy();
  }, waitMs);
  const look = (): void => {
    const chunk = socket.read() as Uint8Array | null;
    if (chunk !== null) head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    const compared = Math.min(head.length, PREFACE.length);
    const isAlike = PREFACE.subarray(0, compared).equals(head.subarray(0, compared));
    // No more than a beginning of it: the rest may be on its way, unless the caller has ended.
    if (isAlike && compared < PREFACE.length && chunk !== null) return;
    stop();
    if (head.length > 0) socket.unshift(head);
    decide(isAlike && compared === PREFACE.length);
  };
  socket.on("readable", look).once("close", stop).once("error", stop);
}
