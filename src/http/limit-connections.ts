import type { Server, Socket } from "node:net";
import { makePeerName } from "../entrance/client-address.ts";

/**
 * Which bound a connection was beyond: that of all together, that of one client address, or that of requests which wait
 * for the answers before theirs.
 */
export type ConnectionLimit = "address" | "pipelined" | "total";

/** Bounds on open connections. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  /** Of one client address; of IPv6, a network of 64 bits counts as one. */
  readonly maxConnectionsPerAddress: number;
  /** Peers without a bound per address: addresses, and networks in CIDR notation, checked before. */
  readonly trustedProxies: readonly string[];
}

/** Closes what is beyond the bounds as soon as it is accepted, and tells of it. */
export function limitConnections(
  server: Server,
  { maxConnections, maxConnectionsPerAddress, trustedProxies }: ConnectionLimits,
  onRefused: (limit: ConnectionLimit) => void,
): void {
  server.maxConnections = maxConnections;
  server.on("drop", () => {
    onRefused("total");
  });
  if (maxConnectionsPerAddress === Infinity) return;
  const peerName = makePeerName(trustedProxies);
  const open = new Map<string, number>();
  server.on("connection", (socket: Socket) => {
    const name = peerName(socket.remoteAddress);
    if (name === undefined) return;
    const others = open.get(name) ?? 0;
    if (others >= maxConnectionsPerAddress) {
      socket.destroy();
      onRefused("address");
      return;
    }
    open.set(name, others + 1);
    socket.once("close", () => {
      const left = (open.get(name) ?? 0) - 1;
      if (left > 0) open.set(name, left);
      else open.delete(name);
    });
  });
}
