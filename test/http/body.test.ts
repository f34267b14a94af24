import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { makeHttpServer } from "../../src/http/server.ts";
import type { HttpServer } from "../../src/http/server.ts";
import { heldMegabytes } from "../support/held-memory.ts";
import { makeRig } from "./public-app.ts";
import type { Rig } from "./public-app.ts";
import { connectTo, statuses } from "./raw-socket.ts";
import type { RawClient } from "./raw-socket.ts";

const clients: RawClient[] = [];
let server: HttpServer | undefined;
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await server?.close({ drainMs: 0 });
});

/** No body here ever ends, and a busy machine takes its time: no clock of the server cuts it before it has arrived. */
const LIMITS = { headersTimeoutMs: 0, requestTimeoutMs: 0, stallTimeoutMs: 0 };
/** For a test, milliseconds: the garbage of a whole worker is collected again and again. */
const TEST_LIMIT = 120_000;

/** The public listener, and what has arrived at it: the clients' bytes that the process has taken from the kernel. */
async function start(rig: Rig) {
  const sockets = new Set<Socket>();
  const listener = (request: IncomingMessage, response: Parameters<Rig["listener"]>[1]): void => {
    sockets.add(request.socket);
    rig.listener(request, response);
  };
  server = makeHttpServer({ listener, admission: rig.admission, exchange: rig.exchange, limits: LIMITS });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  return {
    open: async () => {
      const client = await connectTo(port);
      clients.push(client);
      return client;
    },
    arrived: async (bytes: number): Promise<void> => {
      const senders = clients.filter(({ socket }) => !socket.destroyed);
      const isCut = (): boolean => senders.some(({ socket }) => socket.destroyed);
      const sum = (): number => {
        const open = [...sockets].filter(({ destroyed }) => !destroyed);
        return open.reduce((total, { bytesRead }) => total + bytesRead, 0);
      };
      while (sum() < bytes) {
        if (isCut()) throw new Error("a connection was cut before all had arrived");
        await new Promise(setImmediate);
      }
      await new Promise(setImmediate);
    },
  };
}

const CHUNKED = "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const crumbs = (count: number): string => "1\r\n \r\n".repeat(count);

describe("a body in chunks of one byte", () => {
  it(
    "[A16] takes no more memory than its bytes while it is read, and is read",
    async () => {
      const rig = makeRig();
      const { open, arrived } = await start(rig);
      const before = heldMegabytes();
      const text = `POST /api/v2/signingCert HTTP/1.1\r\n${CHUNKED}${crumbs(100_000)}`;
      const senders = await Promise.all(Array.from({ length: 2 }, open));
      for (const client of senders) client.write(text);
      await arrived(2 * text.length);
      expect(heldMegabytes() - before).toBeLessThan(5);
      const body = '{"credentials":{"oidcIdentityToken":"a.b.c"}}';
      for (const client of senders) {
        client.write(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
        expect(statuses(await client.received(/signedCertificateEmbeddedSct/u))).toEqual([200]);
      }
      expect(rig.requests.map(({ idToken }) => idToken)).toEqual(Array(2).fill("a.b.c"));
    },
    TEST_LIMIT,
  );

  it(
    "[A16] takes no memory when nobody reads it and its sender does not read its answer",
    async () => {
      const rig = makeRig();
      rig.generation = { ...rig.generation, trustBundle: [["A".repeat(16 << 20)]] };
      const { open, arrived } = await start(rig);
      const ask = async (text: string): Promise<number> => {
        const before = heldMegabytes();
        const client = await open();
        client.socket.pause();
        client.write(text);
        await arrived(text.length);
        return heldMegabytes() - before;
      };
      await ask("GET /api/v2/trustBundle HTTP/1.1\r\nHost: a\r\n\r\n");
      const answer = await ask("GET /api/v2/trustBundle HTTP/1.1\r\nHost: a\r\n\r\n");
      const withBody = await ask(`GET /api/v2/trustBundle HTTP/1.1\r\n${CHUNKED}${crumbs(60_000)}`);
      expect(withBody - answer).toBeLessThan(5);
    },
    TEST_LIMIT,
  );

  it(
    "[A16] takes no memory while its refusal waits for its turn",
    async () => {
      const exhausted = { take: () => 1_000, waitMs: () => 0 };
      const rig = makeRig(undefined, {
        rateLimits: { signing: exhausted, failedTokens: exhausted, reads: exhausted },
        refusalPacing: { intervalMs: 60_000, maxWaitMs: 60_000 },
      });
      const { open, arrived } = await start(rig);
      const text = `POST /api/v2/signingCert HTTP/1.1\r\n${CHUNKED}${crumbs(60_000)}`;
      const first = await open();
      first.write(text);
      expect(statuses(await first.closed())).toEqual([429]);
      const before = heldMegabytes();
      const waiting = await Promise.all(Array.from({ length: 3 }, open));
      for (const client of waiting) client.write(text);
      await arrived(3 * text.length);
      expect(heldMegabytes() - before).toBeLessThan(10);
      expect(rig.events).toHaveLength(1);
    },
    TEST_LIMIT,
  );
});
