import type { Http2Session, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { MayflyError } from "../core/errors.ts";
import type { PeerName } from "../entrance/client-address.ts";

/** Bounds on calls that are not over, of all connections together. */
export interface CallBounds {
  readonly maxCalls: number;
  /** Of one client address; peers without a name have no such bound. */
  readonly maxCallsPerAddress: number;
}

/** One client address with a connection, or several. */
interface Peer {
  readonly name: string | undefined;
  connections: number;
  calls: number;
}

/**
 * Places for calls. Each call has a message that is kept while it arrives, and a connection has many calls: without a bound of
 * their own they would take a hundred times the memory of requests over HTTP, of which a connection has one at a time.
 */
export class CallPlaces {
  readonly #bounds: CallBounds;
  readonly #peerName: PeerName;
  /** Both change with connections, not with calls: what comes and goes with each call stays in memory for long. */
  readonly #byName = new Map<string, Peer>();
  readonly #peers = new WeakMap<Http2Session, Peer>();
  #calls = 0;

  constructor(bounds: CallBounds, peerName: PeerName) {
    this.#bounds = bounds;
    this.#peerName = peerName;
  }

  /** Learns of a connection, before its first call. */
  add(session: ServerHttp2Session): void {
    const peer = this.#peerOf(this.#peerName(session.socket.remoteAddress));
    peer.connections++;
    this.#peers.set(session, peer);
    session.once("close", () => {
      if (--peer.connections === 0 && peer.name !== undefined) this.#byName.delete(peer.name);
    });
  }

  /**
   * Takes a place for a call until its stream is closed.
   *
   * @throws MayflyError `overloaded` when there is none
   */
  take(stream: ServerHttp2Stream): void {
    const peer = stream.session === undefined ? undefined : this.#peers.get(stream.session);
    // The connection is gone, and the stream with it.
    if (peer === undefined) return;
    const { maxCalls, maxCallsPerAddress } = this.#bounds;
    if (this.#calls >= maxCalls || (peer.name !== undefined && peer.calls >= maxCallsPerAddress)) {
      throw new MayflyError("TOO_MANY_REQUESTS_IN_FLIGHT", `${this.#calls} calls, ${peer.calls} of one address`);
    }
    this.#calls++;
    peer.calls++;
    stream.once("close", () => {
      this.#calls--;
      peer.calls--;
    });
  }

  #peerOf(name: string | undefined): Peer {
    const known = name === undefined ? undefined : this.#byName.get(name);
    if (known !== undefined) return known;
    const peer: Peer = { name, connections: 0, calls: 0 };
    if (name !== undefined) this.#byName.set(name, peer);
    return peer;
  }
}
