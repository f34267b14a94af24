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
}

const TOO_MANY_PINGS = Buffer.from("too_many_pings");

/** Open HTTP/2 connections, and the streams at work on them. */
export class Sessions {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #times: SessionTimes;
  readonly #open = new Map<Http2Session, PingStrikes>();
  readonly #sockets = new Set<Socket>();
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
   * Bounds a connection before HTTP/2 is spoken on it. A session that has ended leaves it to the caller to end its side of the
   * connection as well, and waits for that without end.
   */
  hold(socket: Socket): void {
    const timer = setTimeout(() => {
      socket.destroy();
    }, this.#times.connectionMs);
    this.#sockets.add(socket);
    socket.once("close", () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
    });
  }

  /** Watches a session from its first moment on. */
  add(session: ServerHttp2Session): void {
    const strikes = new PingStrikes();
    this.#open.set(session, strikes);
    session.once("close", () => this.#open.delete(session));
    session.on("ping", () => {
      if (strikes.count(this.#clock.monotonic())) endForPings(session);
    });
    if (this.#isClosing) session.close();
  }

  /** Watches a stream from its first moment on. */
  begin(stream: ServerHttp2Stream): void {
    const { session } = stream;
    // Of a stream that a caller resets with an error; it is closed all the same, and nobody else need know.
    stream.on("error", () => undefined);
    const forgive = (): void => {
      if (session !== undefined) this.#open.get(session)?.forgive();
    };
    forgive();
    this.#busy++;
    let timer = this.#closeAfter(stream, this.#times.requestMs);
    stream.once("end", () => {
      clearTimeout(timer);
      if (!stream.closed) timer = this.#closeAfter(stream, this.#times.answerMs);
    });
    stream.once("close", () => {
      clearTimeout(timer);
      forgive();
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
    for (const session of this.#open.keys()) session.close();
  }

  /** Cuts every connection. */
  destroy(): void {
    for (const session of this.#open.keys()) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #closeAfter(stream: ServerHttp2Stream, afterMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      stream.close(constants.NGHTTP2_CANCEL);
    }, afterMs);
  }
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
