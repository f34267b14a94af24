import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { fork } from "node:child_process";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { jwtVerify } from "jose";
import type { LoadOrder } from "../../benchmarks/load.ts";
import type { LoadResult } from "../../benchmarks/run-callers.ts";

const ISSUER_URL = "http://127.0.0.1:8888/github";
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

interface SigningRequest {
  readonly credentials: { readonly oidcIdentityToken: string };
  readonly publicKeyRequest: {
    readonly publicKey: { readonly algorithm: string; readonly content: string };
    readonly proofOfPossession: string;
  };
}

/** A stand-in for the server: judges each request with jose and node:crypto, and answers as it is told to. */
const seen = { subjects: new Set<string>(), keys: new Set<string>(), connections: 0, inFlight: 0, mostInFlight: 0 };
let answerWith = (response: ServerResponse): unknown => response.end("-----BEGIN CERTIFICATE-----");

async function judge(request: IncomingMessage): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const { credentials, publicKeyRequest } = JSON.parse(Buffer.concat(chunks).toString()) as SigningRequest;
  const { payload } = await jwtVerify(credentials.oidcIdentityToken, publicKey, {
    issuer: ISSUER_URL,
    audience: "sigstore",
  });
  const { content } = publicKeyRequest.publicKey;
  const proof = Buffer.from(publicKeyRequest.proofOfPossession, "base64");
  expect(verify("sha256", Buffer.from(payload.sub ?? ""), createPublicKey(content), proof)).toBe(true);
  seen.subjects.add(payload.sub ?? "");
  seen.keys.add(content);
}

const server = createServer((request, response) => {
  seen.inFlight += 1;
  seen.mostInFlight = Math.max(seen.mostInFlight, seen.inFlight);
  judge(request)
    .catch(() => response.writeHead(400))
    .finally(() => {
      seen.inFlight -= 1;
      answerWith(response);
    });
});
server.on("connection", () => (seen.connections += 1));
beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
});
afterAll(() => {
  server.close();
});

async function load(count: number, concurrency: number): Promise<LoadResult> {
  Object.assign(seen, { subjects: new Set(), keys: new Set(), connections: 0, inFlight: 0, mostInFlight: 0 });
  const { port } = server.address() as AddressInfo;
  const keyPem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const order: LoadOrder = {
    host: "127.0.0.1",
    port,
    concurrency,
    count,
    issuer: { url: ISSUER_URL, kid: "k", keyPem },
  };
  const child = fork("benchmarks/load.ts", { serialization: "advanced", execArgv: [] });
  child.send(order);
  expect(await once(child, "message")).toEqual(["ready", undefined]);
  child.send("go");
  const [result] = (await once(child, "message")) as [LoadResult];
  expect(await once(child, "exit")).toEqual([0, null]);
  return result;
}

describe("the load of a benchmark", () => {
  it("sends requests that a server can accept, each with a token, a key and a proof of its own", async () => {
    const result = await load(40, 4);
    expect(result.failures).toEqual([]);
    expect(result.latenciesMs).toHaveLength(40);
    expect([seen.subjects.size, seen.keys.size]).toEqual([40, 40]);
  });

  it("keeps its connections and never has more requests in flight than callers", async () => {
    await load(40, 4);
    expect(seen.connections).toBe(4);
    expect(seen.mostInFlight).toBeLessThanOrEqual(4);
  });

  it.each([
    ["a refusal", (response: ServerResponse) => response.writeHead(503).end("BEGIN CERTIFICATE"), "503"],
    ["an answer without a certificate", (response: ServerResponse) => response.end("{}"), "200 {}"],
    ["a connection that breaks", (response: ServerResponse) => response.destroy(), "connection ended"],
    [
      "an answer without a length",
      (response: ServerResponse) => response.write("x") && response.end(),
      "without a length",
    ],
  ])("counts %s as a failure", async (_case, answer, text) => {
    answerWith = answer;
    const result = await load(3, 1);
    expect(result.latenciesMs).toEqual([]);
    expect(result.failures).toHaveLength(3);
    expect(result.failures[0]).toContain(text);
  });

  it("opens a new connection when the server closes one after its answer", async () => {
    answerWith = (response) => response.setHeader("connection", "close").end("BEGIN CERTIFICATE");
    const result = await load(3, 1);
    expect(result.failures).toEqual([]);
    expect(seen.connections).toBe(3);
  });
});
