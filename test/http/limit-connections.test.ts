import { afterEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { connect, createServer, Socket } from "node:net";
import { limitConnections } from "../../src/http/limit-connections.ts";
import type { ConnectionLimit } from "../../src/http/limit-connections.ts";
import { makeHttpServer } from "../../src/http/server.ts";
import type { HttpServer, ServerLimits } from "../../src/http/server.ts";
import { makeClient } from "./raw-socket.ts";

const open: Socket[] = [];
let server: HttpServer | undefined;
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await server?.close({ drainMs: 0 });
});

async function start(limits: Partial<ServerLimits>) {
  const refused: ConnectionLimit[] = [];
  const refusals = new EventTarget();
  server = makeHttpServer({
    listener: (_request, response) => void response.end("here"),
    limits,
    onConnectionRefused: (limit) => {
      refused.push(limit);
      refusals.dispatchEvent(new Event("refused"));
    },
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const from = async (localAddress: string) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    open.push(socket);
    await once(socket, "connect");
    return makeClient(socket);
  };
  return { refused, from };
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

describe("connections of one address", () => {
  it("[S2] beyond the bound are closed and counted, others are served, and a closed one makes room", async () => {
    const { refused, from } = await start({ maxConnectionsPerAddress: 2 });
    const first = await from("127.0.0.1");
    const second = await from("127.0.0.1");
    for (const client of [first, second]) {
      client.write(GET);
      await client.received(/here$/u);
    }
    expect(await (await from("127.0.0.1")).closed()).toBe("");
    expect(refused).toEqual(["address"]);
    const other = await from("127.0.0.2");
    other.write(GET);
    expect(await other.received(/here$/u)).toContain("200 OK");
    first.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await first.closed();
    const again = await from("127.0.0.1");
    again.write(GET);
    expect(await again.received(/here$/u)).toContain("200 OK");
    expect(refused).toEqual(["address"]);
  });

  it.each(["fe80::1%br-0a1b", "fe80::1%eth0.100", undefined])(
    "are counted whatever the kernel calls it: %s",
    (remoteAddress) => {
      const listener = createServer();
      const refused: ConnectionLimit[] = [];
      limitConnections(listener, { maxConnections: 10, maxConnectionsPerAddress: 1 }, (limit) => refused.push(limit));
      const sockets = Array.from({ length: 2 }, () => {
        const socket = new Socket();
        Object.defineProperty(socket, "remoteAddress", { value: remoteAddress });
        listener.emit("connection", socket);
        return socket;
      });
      expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, true]);
      expect(refused).toEqual(["address"]);
      sockets[0]?.destroy();
    },
  );

  it("have no bound of their own behind a proxy", async () => {
    const { refused, from } = await start({ maxConnectionsPerAddress: Infinity });
    for (let count = 0; count < 120; count++) await from("127.0.0.1");
    const last = await from("127.0.0.1");
    last.write(GET);
    await last.received(/here$/u);
    expect(refused).toEqual([]);
  });
});

describe("connections of all addresses", () => {
  it("[S2] beyond the bound are closed and counted", async () => {
    const { refused, from } = await start({ maxConnections: 2 });
    for (const address of ["127.0.0.1", "127.0.0.2"]) {
      const client = await from(address);
      client.write(GET);
      await client.received(/here$/u);
    }
    expect(await (await from("127.0.0.3")).closed()).toBe("");
    expect(refused).toEqual(["total"]);
  });
});
