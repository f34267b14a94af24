import { afterEach, describe, expect, it } from "@jest/globals";
import { EventEmitter, once } from "node:events";
import type { RequestListener, ServerResponse } from "node:http";
import { connect, createServer, Socket } from "node:net";
import { limitConnections } from "../../src/http/limit-connections.ts";
import type { ConnectionLimit } from "../../src/http/limit-connections.ts";
import { makeHttpServer } from "../../src/http/server.ts";
import type { HttpServer, ServerLimits } from "../../src/http/server.ts";
import { heldMegabytes } from "../support/held-memory.ts";
import { startTestService } from "../support/service.ts";
import { makeClient, statuses } from "./raw-socket.ts";

const open: Socket[] = [];
let server: HttpServer | undefined;
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await server?.close({ drainMs: 0 });
});

const answerAtOnce: RequestListener = (_request, response) => void response.end("here");

async function start(limits: Partial<ServerLimits>, listener = answerAtOnce) {
  const refused: ConnectionLimit[] = [];
  const refusals = new EventEmitter();
  server = makeHttpServer({
    listener,
    limits,
    onConnectionRefused: (limit) => {
      refused.push(limit);
      refusals.emit("refused");
    },
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const from = async (localAddress: string) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    open.push(socket);
    await once(socket, "connect");
    return makeClient(socket);
  };
  return {
    refused,
    from,
    /** Resolves when that many connections were refused in all. */
    refusals: async (count: number) => {
      while (refused.length < count) await once(refusals, "refused");
    },
  };
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
      const limits = { maxConnections: 10, maxConnectionsPerAddress: 1, trustedProxies: ["10.0.0.0/8"] };
      limitConnections(listener, limits, (limit) => refused.push(limit));
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

  it("are bounded beside a trusted proxy, which itself is not", async () => {
    const { refused, from } = await start({ maxConnectionsPerAddress: 2, trustedProxies: ["127.0.0.2"] });
    for (let count = 0; count < 120; count++) await from("127.0.0.2");
    const last = await from("127.0.0.2");
    last.write(GET);
    await last.received(/here$/u);
    expect(refused).toEqual([]);
    for (let count = 0; count < 2; count++) {
      const direct = await from("127.0.0.1");
      direct.write(GET);
      await direct.received(/here$/u);
    }
    expect(await (await from("127.0.0.1")).closed()).toBe("");
    expect(refused).toEqual(["address"]);
  });

  it("are bounded by the configuration of a service, also when it trusts a proxy", async () => {
    const mayfly = await startTestService("limits: { connectionsPerAddress: 1, trustedProxies: [127.0.0.2] }\n");
    try {
      const { hostname: host, port } = new URL(mayfly.service.publicUrl);
      const from = async (localAddress: string) => {
        const socket = connect({ port: Number(port), host, localAddress });
        open.push(socket);
        await once(socket, "connect");
        return makeClient(socket);
      };
      const health = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
      for (const address of ["127.0.0.2", "127.0.0.2", "127.0.0.1"]) {
        const client = await from(address);
        client.write(health);
        await client.received(/SERVING/u);
      }
      expect(await (await from("127.0.0.1")).closed()).toBe("");
    } finally {
      await mayfly.close();
    }
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

describe("requests that wait for the answers before theirs", () => {
  const CHUNKED = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";

  /** A server whose first answer on each connection waits for the test. */
  async function startHeld(limits: Partial<ServerLimits>) {
    const held = new Map<Socket, ServerResponse>();
    const begun = new EventEmitter();
    const started = await start(limits, (request, response) => {
      request.resume();
      if (held.has(request.socket)) {
        response.end("here");
        return;
      }
      held.set(request.socket, response);
      begun.emit("begun", request.socket);
    });
    return {
      ...started,
      /** Sends everything in one piece; resolves when the server has it, to the client and the server's end. */
      send: async (text: string) => {
        const client = await started.from("127.0.0.1");
        const first = once(begun, "begun");
        client.write(text);
        const [end] = (await first) as [Socket];
        await new Promise(setImmediate);
        return { ...client, end };
      },
      release: () => {
        for (const response of held.values()) if (!response.writableEnded) response.end("here");
      },
    };
  }

  it("[A21] are bounded over all connections, and the connection that brings one too many is cut", async () => {
    const { send, release, refused, refusals } = await startHeld({ maxWaitingRequests: 5 });
    const first = await send(GET.repeat(4));
    const second = await send(GET.repeat(3));
    expect(refused).toEqual([]);
    const third = await send(GET.repeat(2));
    await refusals(1);
    expect(await third.closed()).toBe("");
    expect(refused).toEqual(["pipelined"]);
    release();
    expect(statuses(await first.received(/(?:here[^]*){4}$/u))).toEqual([200, 200, 200, 200]);
    expect(statuses(await second.received(/(?:here[^]*){3}$/u))).toEqual([200, 200, 200]);
  });

  it("[A21] free their places when they are answered, and when their connection is cut or closed", async () => {
    const { send, release, refused, refusals } = await startHeld({ maxWaitingRequests: 5 });
    const answered = await send(GET.repeat(6));
    release();
    await answered.received(/(?:here[^]*){6}$/u);
    await send(GET.repeat(7));
    await refusals(1);
    const gone = await send(GET.repeat(6));
    const isGone = once(gone.end, "close");
    gone.socket.destroy();
    await isGone;
    const last = await send(GET.repeat(6));
    release();
    expect(statuses(await last.received(/(?:here[^]*){6}$/u))).toEqual(Array(6).fill(200));
    expect(refused).toEqual(["pipelined"]);
  });

  it("[A21] count fifty times when their bodies come in chunks, of which there may be thousands", async () => {
    const { send, release, refused, refusals } = await startHeld({ maxWaitingRequests: 100 });
    const two = await send(GET + CHUNKED.repeat(2));
    const third = await send(GET + CHUNKED);
    await refusals(1);
    expect(await third.closed()).toBe("");
    release();
    expect(statuses(await two.received(/(?:here[^]*){3}$/u))).toEqual([200, 200, 200]);
    expect(refused).toEqual(["pipelined"]);
  });

  it("[A21] take no memory to speak of, however many one read brings, and one place of work", async () => {
    const before = heldMegabytes();
    const { send, refused, refusals } = await startHeld({});
    for (let count = 0; count < 10; count++) await send(GET.repeat(2_000));
    await refusals(10);
    expect(refused).toEqual(Array(10).fill("pipelined"));
    expect(heldMegabytes() - before).toBeLessThan(15);
  });
});
