import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** Passes bytes on between its callers and a server, as a firewall does, and may forget connections as one. */
export interface SilentRelay {
  readonly port: number;
  /** Connections that were made through it. */
  readonly connections: () => number;
  /** What is said over the connections that are there goes nowhere from now on, and nobody is told. */
  readonly forget: () => void;
  readonly close: () => Promise<void>;
}

/** Starts it on loopback, on a free port unless one is named. */
export async function startSilentRelay(toPort: number, port = 0): Promise<SilentRelay> {
  const sockets = new Set<Socket>();
  const forgotten = new WeakSet<Socket>();
  let connections = 0;
  const pass = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from.on("error", () => undefined);
    from.on("data", (bytes) => {
      if (!forgotten.has(from)) to.write(bytes);
    });
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer((caller) => {
    connections++;
    const upstream = connect(toPort, "127.0.0.1");
    pass(caller, upstream);
    pass(upstream, caller);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    forget: () => {
      for (const socket of sockets) forgotten.add(socket);
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
