import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** A request and the response to it. */
export interface Turn {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What is known of one connection. */
interface Lane {
  /** Requests taken so far. */
  count: number;
  /** The last of them, until its response is done: an idle connection keeps no request in memory. */
  last: Turn | undefined;
  /** The one that the listener was given, until its response is done; those behind it wait. */
  atWork: Turn | undefined;
}

/**
 * What is at work on which connection. Node starts every pipelined request as soon as it is parsed; here a connection
 * has one request at work at a time, so that one peer cannot take a thousand places with one write.
 */
export class Connections {
  readonly #lanes = new WeakMap<Duplex, Lane>();
  /**
   * Lanes of open connections. No set of requests: V8 keeps a pointer from a set's old table to the one that replaced it,
   * so one that changes with each request keeps answered requests in memory until a full garbage collection.
   */
  readonly #open = new Set<Lane>();
  #busy = 0;
  readonly #listener: RequestListener;
  readonly #maxRequestsPerSocket: number;
  #isClosing = false;
  #waiting: (() => void)[] = [];

  /** @param maxRequestsPerSocket the answer to this many closes the connection; Node's own limit only says so */
  constructor(listener: RequestListener, maxRequestsPerSocket: number) {
    this.#listener = listener;
    this.#maxRequestsPerSocket = maxRequestsPerSocket;
  }

  /** Requests at work. */
  get busy(): number {
    return this.#busy;
  }

  /** Takes a request now, or when the one before it on the connection is answered. */
  take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const lane = this.#laneOf(socket);
    const previous = lane.last;
    const turn = { request, response };
    lane.last = turn;
    if (previous === undefined) {
      this.#begin(turn, lane);
      return;
    }
    // What was read already is parsed and waits; the rest stays in the kernel.
    socket.pause();
    previous.response.once("close", () => {
      // After an answer that closes the connection nothing of the rest may be taken for a request.
      if (socket.destroyed || !socket.writable) return;
      if (lane.last === turn) socket.resume();
      this.#begin(turn, lane);
    });
  }

  #laneOf(socket: Duplex): Lane {
    const known = this.#lanes.get(socket);
    if (known !== undefined) return known;
    const lane: Lane = { count: 0, last: undefined, atWork: undefined };
    this.#lanes.set(socket, lane);
    this.#open.add(lane);
    socket.once("close", () => this.#open.delete(lane));
    return lane;
  }

  #begin(turn: Turn, lane: Lane): void {
    const { request, response } = turn;
    if (++lane.count >= this.#maxRequestsPerSocket || this.#isClosing) response.shouldKeepAlive = false;
    this.#busy++;
    lane.atWork = turn;
    response.once("close", () => {
      if (lane.last === turn) lane.last = undefined;
      lane.atWork = undefined;
      if (--this.#busy > 0) return;
      for (const wake of this.#waiting) wake();
      this.#waiting = [];
    });
    this.#listener(request, response);
  }

  /** The request of a connection whose answer comes next, unless there is none. */
  turnAtWork(socket: Duplex): Turn | undefined {
    return this.#lanes.get(socket)?.atWork;
  }

  /** From now on every answer closes its connection, also the answers to what is at work. */
  closeAfterAnswers(): void {
    this.#isClosing = true;
    for (const { atWork } of this.#open) if (atWork !== undefined) atWork.response.shouldKeepAlive = false;
  }

  /** Resolves when nothing is at work; at once when nothing is. */
  idle(): Promise<void> {
    return this.#busy === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}
