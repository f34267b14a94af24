import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import type { LookupAll } from "../../../src/adapters/oidc/public-address.ts";
import { makeTestTlsPair, type TestTlsPair } from "../../support/tls-pair.ts";
import { failureOf, openFor, RawServer, response, send, type Answer, type OpenOptions } from "./raw-server.ts";

let folder = "";
let pair: TestTlsPair;
const opened: { close: () => Promise<void> }[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-get-response-"));
  pair = makeTestTlsPair(folder, "issuer");
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
afterEach(async () => {
  for (const part of opened.splice(0).reverse()) await part.close();
});

async function startServer(tls?: TestTlsPair): Promise<RawServer> {
  const server = await RawServer.start(tls);
  opened.push(server);
  return server;
}

function open(options: OpenOptions = {}): ReturnType<typeof openFor> {
  const issuer = openFor({ ...options, settings: { caCertificatePem: pair.certificate, ...options.settings } });
  opened.push(issuer);
  return issuer;
}

const DOCUMENT = { bytes: Buffer.from("{}") };
const GOOD = send(response("{}"));
const HINTS = "HTTP/1.1 103 Early Hints\r\n\r\n";
const silence: Answer = () => undefined;

/** Until a server has what a test waits for. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}

describe.each(["http", "https"] as const)("connections over %s", (scheme) => {
  let server: RawServer;
  let url: string;
  beforeEach(async () => {
    server = await startServer(scheme === "https" ? pair : undefined);
    server.answer = GOOD;
    url = `${scheme}://localhost:${server.port}/`;
  });

  const connectionsOf = (): number[] => server.requests.map(({ connection }) => connection);

  it("are kept for the next document of the same issuer, and of no other", async () => {
    const [one, other] = [open(), open()];
    expect([await one.get(url), await one.get(url), await other.get(url)]).toEqual([DOCUMENT, DOCUMENT, DOCUMENT]);
    expect(connectionsOf()).toEqual([0, 0, 1]);
  });

  it("are two at most", async () => {
    const issuer = open();
    server.answer = silence;
    const fetched = Array.from({ length: 5 }, () => issuer.get(url));
    for (let answered = 0; answered < 5; answered++) {
      await until(() => server.requests.length === Math.min(answered + 2, 5));
      server.requests[answered]?.socket.write(response("{}"));
      await Promise.race(fetched.slice(answered));
    }
    expect(await Promise.all(fetched)).toEqual(Array.from({ length: 5 }, () => DOCUMENT));
    expect(server.connections).toBe(2);
  });

  it("that the server closed meanwhile are opened anew", async () => {
    const issuer = open();
    server.answer = ({ socket }) => {
      socket.end(response("{}"));
    };
    for (let times = 0; times < 3; times++) {
      expect(await issuer.get(url)).toEqual(DOCUMENT);
      await until(() => server.open.size === 0);
    }
    expect(connectionsOf()).toEqual([0, 1, 2]);
  });

  /** Answers the first request, every later one on a kept connection with `kept`, and one on a fresh connection with `fresh`. */
  const later =
    (kept: Answer, fresh: Answer): Answer =>
    (request) => {
      if (request.index === 0) GOOD(request);
      else (request.connection === 0 ? kept : fresh)(request);
    };
  const close: Answer = ({ socket }) => socket.destroy();
  const reset: Answer = ({ socket }) => {
    if (scheme === "http") socket.resetAndDestroy();
    else socket.destroy();
  };

  it.each([
    ["closed", close],
    ["reset", reset],
  ])("that were kept and are %s as the next request comes are made good by a fresh one", async (_name, kept) => {
    const issuer = open();
    server.answer = later(kept, GOOD);
    expect([await issuer.get(url), await issuer.get(url), await issuer.get(url)]).toEqual([
      DOCUMENT,
      DOCUMENT,
      DOCUMENT,
    ]);
    expect(connectionsOf().slice(0, 3)).toEqual([0, 0, 1]);
  });

  it("that were kept are made good once", async () => {
    const issuer = open();
    server.answer = later(close, close);
    await issuer.get(url);
    expect(await failureOf(issuer.get(url))).toMatchObject({ kind: "transient", cause: { code: "ECONNRESET" } });
    expect(connectionsOf()).toEqual([0, 0, 1]);
  });

  it("that were kept are not made good by another one that was", async () => {
    const issuer = open();
    server.answer = silence;
    const first = [issuer.get(url), issuer.get(url)];
    await until(() => server.requests.length === 2);
    server.requests.forEach(GOOD);
    await Promise.all(first);
    server.answer = (request) => {
      (request.connection < 2 ? close : GOOD)(request);
    };
    expect(await issuer.get(url)).toEqual(DOCUMENT);
    expect(server.connections).toBe(3);
    expect(server.requests).toHaveLength(4);
  });

  it("that are fresh are not made good", async () => {
    server.answer = close;
    expect(await failureOf(open().get(url))).toMatchObject({ kind: "transient", cause: { code: "ECONNRESET" } });
    expect(connectionsOf()).toEqual([0]);
  });

  it.each<[string, Answer]>([
    ["a byte", ({ socket }) => socket.end("H")],
    ["early hints", ({ socket }) => socket.end(HINTS)],
    ["half a document", ({ socket }) => socket.end(response("{}").subarray(0, -1))],
    ["something else", send("no HTTP\r\n\r\n")],
  ])("that were kept are not made good once they brought %s", async (_name, kept) => {
    const issuer = open();
    server.answer = later(kept, GOOD);
    await issuer.get(url);
    expect(await failureOf(issuer.get(url))).toMatchObject({ kind: "transient" });
    expect(connectionsOf()).toEqual([0, 0]);
  });

  it("that bring a second response nobody asked for are closed", async () => {
    const issuer = open();
    server.answer = send(response("{}"), response('{"forged":true}'));
    expect(await issuer.get(url)).toEqual(DOCUMENT);
    await until(() => server.open.size === 0);
  });

  it("are opened to whatever address of a name answers", async () => {
    const asked: unknown[] = [];
    const lookup: LookupAll = (hostname, { all }, callback) => {
      asked.push([hostname, all]);
      callback(null, [
        { address: "::1", family: 6 },
        { address: "127.0.0.2", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ]);
    };
    const issuer = open({ lookup });
    expect(await issuer.get(url)).toEqual(DOCUMENT);
    expect(await issuer.get(url)).toEqual(DOCUMENT);
    expect(asked).toEqual([["localhost", true]]);
  });

  it("are not opened for a signal that is aborted already", async () => {
    const reason = new Error("too late");
    expect(await failureOf(open().get(url, AbortSignal.abort(reason)))).toMatchObject({
      kind: "transient",
      cause: reason,
    });
    expect(server.connections).toBe(0);
  });

  const half = (request: Parameters<Answer>[0]): void => {
    request.socket.write(response("{}").subarray(0, -1));
  };
  it.each<[string, Answer]>([
    ["before the response", silence],
    ["in its head", send("HTTP/1.1 200 OK\r\n")],
    ["after early hints", send(HINTS)],
    ["in its body", half],
  ])("are closed when the signal is aborted, and when the issuer is: %s", async (_name, answer) => {
    server.answer = answer;
    const aborted = new AbortController();
    const [waiting, closing] = [open(), open()];
    const failures = Promise.all([failureOf(waiting.get(url, aborted.signal)), failureOf(closing.get(url))]);
    await until(() => server.requests.length === 2);
    const reason = new Error("too late");
    aborted.abort(reason);
    await closing.close();
    expect(await failures).toMatchObject([
      { kind: "transient", message: "the document could not be fetched", cause: reason },
      { kind: "transient", cause: { name: "AbortError" } },
    ]);
    await until(() => server.open.size === 0);
  });

  it("are not waited for beyond the signal", async () => {
    server.answer = silence;
    const issuer = open();
    const busy = [failureOf(issuer.get(url)), failureOf(issuer.get(url))];
    await until(() => server.requests.length === 2);
    const aborted = new AbortController();
    const queued = failureOf(issuer.get(url, aborted.signal));
    aborted.abort(new Error("too late"));
    expect(await queued).toMatchObject({ kind: "transient", cause: { message: "too late" } });
    expect(server.requests).toHaveLength(2);
    await issuer.close();
    await Promise.all(busy);
  });

  it("are closed with their issuer, which fetches no more", async () => {
    const issuer = open();
    await issuer.get(url);
    await issuer.close();
    await until(() => server.open.size === 0);
    expect(await failureOf(issuer.get(url))).toMatchObject({ kind: "transient", cause: { name: "AbortError" } });
    expect(server.connections).toBe(1);
  });

  it.each<[string, Answer]>([
    ["nothing", silence],
    ["a part of a head", send("HTTP/1.1 200 OK\r\n")],
    ["early hints", send(HINTS)],
  ])("are given up when they bring %s for as long as a head may take, fresh or kept", async (_name, slow) => {
    const failure = { kind: "transient", cause: { message: "no response came within 20 ms" } };
    const issuer = open();
    await issuer.get(url);
    issuer.waits.headMs = 20;
    server.answer = slow;
    for (let times = 0; times < 2; times++) expect(await failureOf(issuer.get(url))).toMatchObject(failure);
    expect(connectionsOf()).toEqual([0, 0, 1]);
    await until(() => server.open.size === 0);
  });

  it("are closed when nobody uses them", async () => {
    await open({ waits: { idleMs: 20 } }).get(url);
    await until(() => server.open.size === 0);
  });
});

describe("a connection over https", () => {
  it("[FC133] agrees on HTTP/1.1, in TLS 1.2 or newer", async () => {
    const server = await startServer(pair);
    server.answer = GOOD;
    await open().get(`https://localhost:${server.port}/`);
    const socket = server.requests[0]?.socket as TLSSocket;
    expect(socket.alpnProtocol).toBe("http/1.1");
    expect(socket.getProtocol()).toMatch(/^TLSv1\.[23]$/u);
  });

  it("[FC133] is not opened when the issuer's authorities are others, and says why", async () => {
    const server = await startServer(pair);
    const another = makeTestTlsPair(folder, "another").certificate;
    const issuer = open({ settings: { caCertificatePem: another } });
    const failure = await failureOf(issuer.get(`https://localhost:${server.port}/`));
    expect(failure).toMatchObject({ kind: "transient", cause: { code: "DEPTH_ZERO_SELF_SIGNED_CERT" } });
    expect(server.requests).toEqual([]);
  });

  it("is given up when the other side does not speak TLS, or nothing at all, for as long as connecting may take", async () => {
    const sockets: { destroy: () => void }[] = [];
    const mute = createServer((socket) => sockets.push(socket.on("error", () => undefined))).listen(0, "127.0.0.1");
    await once(mute, "listening");
    const url = `https://localhost:${(mute.address() as AddressInfo).port}/`;
    const issuer = open({ waits: { connectMs: 20 } });
    expect(await failureOf(issuer.get(url))).toMatchObject({
      kind: "transient",
      cause: { message: "no connection was made within 20 ms" },
    });
    const server = await startServer();
    expect(await failureOf(open().get(`https://localhost:${server.port}/`, AbortSignal.timeout(20)))).toMatchObject({
      kind: "transient",
      cause: { name: "TimeoutError" },
    });
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

  it("is not opened when the name servers do not answer", async () => {
    const lookup: LookupAll = () => undefined;
    for (const allowPrivateNetwork of [true, false]) {
      const issuer = open({ lookup, waits: { dnsMs: 10 }, settings: { allowPrivateNetwork } });
      expect(await failureOf(issuer.get("https://issuer.example/"))).toMatchObject({
        kind: "transient",
        cause: { message: "the name could not be resolved within 10 ms" },
      });
    }
  });

  it("is not opened within the time for connecting when the name servers take it all", async () => {
    const issuer = open({ lookup: () => undefined, waits: { connectMs: 10 } });
    expect(await failureOf(issuer.get("https://issuer.example/"))).toMatchObject({
      kind: "transient",
      cause: { message: "no connection was made within 10 ms" },
    });
  });
});
