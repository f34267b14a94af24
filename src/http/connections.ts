import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** A request on a connection and the response to it. */
export interface Turn {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Which one it is on its connection, from 1. */
  readonly ordinal: number;
}

/**
 * What is at work on which connection. Node starts every pipelined request as soon as it is parsed; here a connection
 * has one request at work at a time, so that one peer cannot take a thousand places with one write.
 */
export class Connections {
  readonly #last = new WeakMap<Duplex, Turn>();
  readonly #atWork = new Set<ServerResponse>();
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
    return this.#atWork.size;
  }

  /** Takes a request now, or when the one before it on the connection is answered. */
  take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const previous = this.#last.get(socket);
    const turn: Turn = { request, response, ordinal: (previous?.ordinal ?? 0) + 1 };
    this.#last.set(socket, turn);
    if (previous === undefined || previous.response.closed) {
      this.#begin(turn);
      return;
    }
    // What was read already is parsed and waits; the rest stays in the kernel.
    socket.pause();
    previous.response.once("close", () => {
      // After an answer that closes the connection nothing of the rest may be taken for a request.
      if (socket.destroyed || !socket.writable) return;
      if (this.#last.get(socket) === turn) socket.resume();
      this.#begin(turn);
    });
  }

  #begin({ request, response, ordinal }: Turn): void {
    if (this.#isClosing || ordinal >= this.#maxRequestsPerSocket) response.shouldKeepAlive = false;
    this.#atWork.add(response);
    response.once("close", () => {
      this.#atWork.delete(response);
      if (this.#atWork.size > 0) return;
      for (const wake of this.#waiting) wake();
      this.#waiting = [];
    });
    this.#listener(request, response);
  }

  /** The last turn of a connection, unless its response is done. */
  unansweredTurn(socket: Duplex): Turn | undefined {
    const turn = this.#last.get(socket);
    return turn?.response.closed === true ? undefined : turn;
  }

  /** From now on every answer closes its connection, also the answers to what is at work. */
  closeAfterAnswers(): void {
    this.#isClosing = true;
    for (const response of this.#atWork) response.shouldKeepAlive = false;
  }

  /** Resolves when nothing is at work; at once when nothing is. */
  idle(): Promise<void> {
    return this.#atWork.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}
