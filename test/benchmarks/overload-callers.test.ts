import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { startLoad } from "../../benchmarks/load-process.ts";
import type { Manner, OverloadOrder, OverloadResult } from "../../benchmarks/overload-callers.ts";

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const keyPem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;

const accept = (response: ServerResponse): unknown => response.end("-----BEGIN CERTIFICATE-----");
const refuse = (response: ServerResponse, retryAfter?: string): unknown => {
  response.statusCode = 503;
  if (retryAfter !== undefined) response.setHeader("retry-after", retryAfter);
  return response.end("no");
};

/** A stand-in for the server, which answers the nth request as the test says. */
let bodies: string[] = [];
let answer: (response: ServerResponse, number: number) => unknown = accept;
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.once("end", () => {
    bodies.push(Buffer.concat(chunks).toString());
    answer(response, bodies.length);
  });
});
beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
});
beforeEach(() => {
  bodies = [];
});
afterAll(() => {
  server.close();
});

async function overload(concurrency: number, manner: Manner = "at once"): Promise<OverloadResult> {
  const { port } = server.address() as AddressInfo;
  const issuer = { url: "http://127.0.0.1:8888/github", kid: "k", keyPem };
  const order: OverloadOrder = { host: "127.0.0.1", port, issuer, concurrency, manner, count: 10, loneCount: 3 };
  const callers = await startLoad("overload-callers.ts", order);
  callers.go();
  expect(await callers.nextMessage()).toBe("ended");
  return (await callers.nextMessage()) as OverloadResult;
}

describe("callers past saturation", () => {
  it("end with the certificates that were asked for, and leave one alone to go on", async () => {
    answer = accept;
    const { load, lone } = await overload(4);
    expect(load.acceptedMs).toHaveLength(10);
    expect(load.acceptedLate).toBeLessThanOrEqual(3);
    expect(load.failures).toEqual([]);
    expect(lone).toHaveLength(3);
    expect(new Set(bodies).size).toBe(10 + load.acceptedLate + 3);
  });

  it("send a request that was refused again, and count every refusal", async () => {
    answer = (response, number) => (number % 2 === 1 ? refuse(response, "1") : accept(response));
    const { load, lone } = await overload(1);
    expect(load.acceptedMs).toHaveLength(10);
    expect(load.refusedMs).toHaveLength(10);
    expect(load.withoutRetryAfter).toBe(0);
    expect(bodies.filter((body, at) => at % 2 === 1 && body === bodies[at - 1])).toHaveLength(13);
    expect(lone.map(({ latencyMs }) => latencyMs === Infinity)).toEqual([true, false, true, false, true, false]);
  });

  it("wait as long as they are told when they are polite", async () => {
    answer = (response, number) => (number === 1 ? refuse(response, "3600") : accept(response));
    const { load } = await overload(2, "polite");
    expect(load.refusedMs).toHaveLength(1);
    expect(load.acceptedMs).toHaveLength(10);
  });

  it.each([undefined, "soon", "Sun, 22 Nov 2026 12:00:00 GMT"])(
    "count a refusal without a number of seconds: %s",
    async (retryAfter) => {
      answer = (response, number) => (number === 1 ? refuse(response, retryAfter) : accept(response));
      const { load } = await overload(1);
      expect(load.withoutRetryAfter).toBe(1);
    },
  );

  it.each<[string, (response: ServerResponse) => unknown, string]>([
    ["another status", (response) => response.writeHead(500, { "content-length": 2 }).end("no"), "500 no"],
    ["an answer without a certificate", (response) => response.end("{}"), "200 {}"],
    ["a connection that breaks", (response) => response.destroy(), "connection ended"],
  ])("count %s as a failure", async (_case, fail, text) => {
    answer = (response, number) => (number === 1 ? fail(response) : accept(response));
    const { load } = await overload(1);
    expect(load.failures).toHaveLength(1);
    expect(load.failures[0]).toContain(text);
    expect(load.acceptedMs).toHaveLength(10);
  });
});
