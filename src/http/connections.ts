import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** A request and the response to it. */
export interface Turn {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Bounds on requests that come before the ones before them are answered. */
export interface PipelineLimits {
  /** The answer to this many closes the connection; Node's own limit only says so. */
  readonly maxRequestsPerSocket: number;
  /** Requests that wait, of all connections together. */
  readonly maxWaitingRequests: number;
}

/**
 * How many requests one whose body comes in chunks counts as while it waits: if the chunks are small enough, Node makes
 * ten thousand objects of one read of 64 KiB, each of some 350 bytes.
 */
const CHUNKED_WEIGHT = 50;

/** What is known of one connection. */
interface Lane {
  /** Requests begun so far. */
  count: number;
  /** What its waiting requests count. */
  waiting: number;
  /** The last one taken, until its response is done: an idle connection keeps no request in memory. */
  last: Turn | undefined;
  /** The one that the listener was given, until its response is done; those behind it wait. */
  atWork: Turn | undefined;
}

/**
 * What is at work on which connection. Node starts every pipelined request as soon as it is parsed; here a connection
 * has one request at work at a time, so that one peer cannot take a thousand places with one write. Those that wait are few:
 * Node makes thousands of one read, and keeps them as long as the connection is open.
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
  readonly #limits: PipelineLimits;
  readonly #onRefused: () => void;
  /** What all waiting requests count. */
  #waiting = 0;
  #isClosing = false;
  #onIdle: (() => void)[] = [];

  /** @param onRefused told of each connection that was cut because too many requests wait */
  constructor(listener: RequestListener, limits: PipelineLimits, onRefused: () => void) {
    this.#listener = listener;
    this.#limits = limits;
    this.#onRefused = onRefused;
  }

  /** Requests at work. */
  get busy(): number {
    return this.#busy;
  }

  /** Takes a request now, or when the one before it on the connection is answered; cuts a connection that has too many. */
  take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    // What Node had read of a connection before it was cut.
    if (socket.destroyed) return;
    const lane = this.#laneOf(socket);
    const previous = lane.last;
    const turn = { request, response };
    lane.last = turn;
    if (previous === undefined) {
      this.#begin(turn, lane);
      return;
    }
    const weight = request.headers["transfer-encoding"] === undefined ? 1 : CHUNKED_WEIGHT;
    if (this.#waiting + weight > this.#limits.maxWaitingRequests) {
      // Whatever were said now would be taken for the answer to the request at work.
      socket.destroy();
      this.#onRefused();
      return;
    }
    this.#waiting += weight;
    lane.waiting += weight;
    // The rest of a body that is not here yet stays in the kernel; Node reads on once a request is whole.
    socket.pause();
    previous.response.once("close", () => {
      // After an answer that closes the connection nothing of the rest may be taken for a request.
      if (socket.destroyed || !socket.writable) return;
      this.#waiting -= weight;
      lane.waiting -= weight;
      if (lane.last === turn) socket.resume();
      this.#begin(turn, lane);
    });
  }

  #laneOf(socket: Duplex): Lane {
    const known = this.#lanes.get(socket);
    if (known !== undefined) return known;
    const lane: Lane = { count: 0, waiting: 0, last: undefined, atWork: undefined };
    this.#lanes.set(socket, lane);
    this.#open.add(lane);
    socket.once("close", () => {
      this.#open.delete(lane);
      this.#waiting -= lane.waiting;
    });
    return lane;
  }

  #begin(turn: Turn, lane: Lane): void {
    const { request, response } = turn;
    if (++lane.count >= this.#limits.maxRequestsPerSocket || this.#isClosing) response.shouldKeepAlive = false;
    this.#busy++;
    lane.atWork = turn;
    response.once("close", () => {
      if (lane.last === turn) lane.last = undefined;
      lane.atWork = undefined;
      if (--this.#busy > 0) return;
      for (const wake of this.#onIdle) wake();
      this.#onIdle = [];
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
    return this.#busy === 0 ? Promise.resolve() : new Promise((resolve) => this.#onIdle.push(resolve));
  }
}
