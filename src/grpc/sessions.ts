import { constants } from "node:http2";
import type { Http2Session, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../ports/clock.ts";
import { PingStrikes } from "./ping-strikes.ts";

/** Bounds on the time that a call may keep its stream, and a caller its connection. */
export interface SessionTimes {
  /** From its header to the end of its message, milliseconds. */
  readonly requestMs: number;
  /** From there to the end of its stream: a caller that does not read its answer. */
  readonly answerMs: number;
  /** From a connection's first moment to its last, whatever HTTP/2 says of it. */
  readonly connectionMs: number;
  /** For a caller to take what ends a stream. */
  readonly lingerMs: number;
}

/** A connection, and the session of HTTP/2 on it. */
interface Connection {
  readonly socket: Socket;
  readonly strikes: PingStrikes;
  session?: ServerHttp2Session;
}

const TOO_MANY_PINGS = Buffer.from("too_many_pings");

/** Open HTTP/2 connections, and the streams at work on them. */
export class Sessions {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #times: SessionTimes;
  readonly #open = new Set<Connection>();
  readonly #bySession = new WeakMap<Http2Session, Connection>();
  #arriving: Connection | undefined;
  #busy = 0;
  #isClosing = false;
  #onIdle: (() => void)[] = [];

  constructor(clock: Pick<Clock, "monotonic">, times: SessionTimes) {
    this.#clock = clock;
    this.#times = times;
  }

  /** Streams that are not closed. */
  get busy(): number {
    return this.#busy;
  }

  /**
   * Bounds a connection from before HTTP/2 is spoken on it. A session that has ended leaves it to the caller to end its side
   * of the connection as well, and waits for that without end.
   *
   * @param speak makes a session of it, at once
   */
  take(socket: Socket, speak: () => void): void {
    const connection: Connection = { socket, strikes: new PingStrikes() };
    const timer = setTimeout(() => {
      cut(connection);
    }, this.#times.connectionMs);
    this.#open.add(connection);
    socket.once("close", () => {
      clearTimeout(timer);
      this.#open.delete(connection);
    });
    // Servers of HTTP/1.1 leave a connection half open, to answer a caller that has ended; to HTTP/2 it has gone.
    socket.allowHalfOpen = false;
    this.#arriving = connection;
    speak();
    this.#arriving = undefined;
  }

  /** Watches a session from its first moment on. */
  add(session: ServerHttp2Session): void {
    const connection = this.#arriving;
    if (connection === undefined) throw new TypeError("a session on a connection that nobody took");
    connection.session = session;
    this.#bySession.set(session, connection);
    session.on("ping", () => {
      if (connection.strikes.count(this.#clock.monotonic())) endForPings(session);
    });
    if (this.#isClosing) session.close();
  }

  /** Watches a stream from its first moment on. */
  begin(stream: ServerHttp2Stream): void {
    const { requestMs, answerMs, lingerMs } = this.#times;
    const connection = stream.session === undefined ? undefined : this.#bySession.get(stream.session);
    // Of a stream that a caller resets with an error; it is closed all the same, and nobody else need know.
    stream.on("error", () => undefined);
    connection?.strikes.forgive();
    this.#busy++;
    const end = (): void => {
      stream.close(constants.NGHTTP2_CANCEL);
      // While the connection takes nothing, a stream that is closed stays.
      timer = setTimeout(() => {
        if (connection !== undefined) cut(connection);
      }, lingerMs);
    };
    let timer = setTimeout(end, requestMs);
    stream.once("end", () => {
      if (stream.closed) return;
      clearTimeout(timer);
      timer = setTimeout(end, answerMs);
    });
    stream.once("close", () => {
      clearTimeout(timer);
      connection?.strikes.forgive();
      if (--this.#busy > 0) return;
      for (const wake of this.#onIdle) wake();
      this.#onIdle = [];
    });
  }

  /** Resolves when no stream is at work; at once when none is. */
  idle(): Promise<void> {
    return this.#busy === 0 ? Promise.resolve() : new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Tells every caller to go elsewhere with further calls, and closes each connection behind its last stream. */
  closeAfterAnswers(): void {
    this.#isClosing = true;
    for (const { session } of this.#open) session?.close();
  }

  /** Cuts every connection. */
  destroy(): void {
    for (const connection of this.#open) cut(connection);
  }
}

/**
 * Ends a connection at once. The session goes first: Node 24 dereferences a null pointer when a socket is destroyed below a
 * session that is writing, and the session after it.
 */
function cut({ session, socket }: Connection): void {
  session?.destroy();
  socket.destroy();
}

/** The name of the reason is what clients of gRPC look for, to ping less often from then on. */
function endForPings(session: ServerHttp2Session): void {
  if (session.destroyed) return;
  session.removeAllListeners("ping");
  session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, TOO_MANY_PINGS);
  setImmediate(() => {
    session.destroy();
  });
}
