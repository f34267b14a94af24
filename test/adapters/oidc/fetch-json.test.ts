import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { IssuerFailure } from "../../../src/adapters/oidc/issuer-failure.ts";
import { makeTestTlsPair } from "../../support/tls-pair.ts";
import { chunked, failureOf, openFor, RawServer, response, send, sendAndEnd, type Answer } from "./raw-server.ts";

let server: RawServer;
let url: string;
let issuer: ReturnType<typeof openFor>;

beforeEach(async () => {
  server = await RawServer.start();
  url = `http://127.0.0.1:${server.port}/document?a=%20b`;
  issuer = openFor();
});
afterEach(async () => {
  await issuer.close();
  await server.close();
});

const JSON_TYPE = "Content-Type: application/json\r\n";
const CHUNKED = `HTTP/1.1 200 OK\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n`;
const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";

describe("a request for a document", () => {
  it("is a GET that asks for JSON as it is, names Mayfly, and brings nothing that an earlier response said", async () => {
    server.answer = send(response("{}", `${JSON_TYPE}Set-Cookie: a=b\r\nETag: "x"\r\n`));
    const expected = [
      "GET /document?a=%20b HTTP/1.1",
      "accept: application/json, application/jwk-set+json",
      "accept-encoding: identity",
      "user-agent: mayfly",
      `Host: 127.0.0.1:${server.port}`,
      "Connection: keep-alive",
    ];
    for (let times = 0; times < 2; times++) {
      await issuer.get(url);
      expect(server.requests[times]?.head.trimEnd().split("\r\n")).toEqual(expected);
    }
  });
});

describe("a document", () => {
  it.each<[string, Answer]>([
    ["of a said length", send(response('{"a":1}'))],
    ["in chunks", send(CHUNKED, chunked('{"a":1}'))],
    ["in chunks of a byte, with trailers", send(CHUNKED, chunked('{"a":1}', { size: 1, trailers: "Digest: x\r\n" }))],
    ["in chunks with extensions", send(CHUNKED, '4;a="b"\r\n{"a"\r\n3;c\r\n:1}\r\n0\r\n\r\n')],
    ["that ends with the connection", sendAndEnd(`HTTP/1.1 200 OK\r\n${JSON_TYPE}Connection: close\r\n\r\n{"a":1}`)],
    ["of HTTP/1.0", sendAndEnd(`HTTP/1.0 200 OK\r\n${JSON_TYPE}\r\n{"a":1}`)],
    ["without a reason phrase", send(response('{"a":1}').toString().replace("200 OK", "200"))],
    ["after early hints", send(HINTS, "HTTP/1.1 100 Continue\r\n\r\n", response('{"a":1}'))],
    [
      "with its type in capitals",
      send(response('{"a":1}', "CONTENT-TYPE: Application/JWK-Set+JSON ; charset=utf-8\r\n")),
    ],
    [
      "a byte at a time",
      ({ socket }) => {
        socket.setNoDelay();
        for (const byte of response('{"a":1}')) socket.write(Uint8Array.of(byte));
      },
    ],
  ])("may come %s", async (_name, answer) => {
    server.answer = answer;
    expect(await issuer.get(url)).toEqual({ bytes: Buffer.from('{"a":1}') });
  });

  it("may be empty", async () => {
    server.answer = send(response(""));
    expect(await issuer.get(url)).toEqual({ bytes: Buffer.alloc(0) });
  });

  it.each([
    ["Cache-Control: max-age=60\r\n", 60],
    ["cache-control: public\r\nCache-Control: MAX-AGE=7\r\n", 7],
    ["Cache-Control: s-maxage=60\r\n", undefined],
    ["Cache-Control: max-age=-1\r\n", undefined],
    ["Cache-Control: max-age=1e9\r\n", undefined],
    ["Cache-Control: max-age=10000000000\r\n", undefined],
  ])("under %j is fresh for %s seconds", async (header, seconds) => {
    server.answer = send(response("{}", JSON_TYPE + header));
    expect((await issuer.get(url)).maxAgeSeconds).toBe(seconds);
  });
});

describe("a response that is no document", () => {
  const status = (line: string, headers = ""): Answer =>
    send(`HTTP/1.1 ${line}\r\n${JSON_TYPE}${headers}Content-Length: 2\r\n\r\n{}`);
  const bodiless = (line: string): Answer => send(`HTTP/1.1 ${line}\r\n${JSON_TYPE}\r\n`);
  const typed = (headers: string): Answer => send(response("{}", headers));

  /** Refuses, closes the connection, and fetches the next document over another one. */
  async function refusal(answer: Answer): Promise<IssuerFailure> {
    server.answer = answer;
    const failure = await failureOf(issuer.get(url));
    server.answer = send(response("{}"));
    expect(await issuer.get(url)).toEqual({ bytes: Buffer.from("{}") });
    expect(server.requests.map(({ connection }) => connection)).toEqual([0, 1]);
    while (server.open.size > 1) await new Promise(setImmediate);
    return failure;
  }

  it.each<[string, Answer, string]>([
    ["201", status("201 Created"), "the issuer answered with status 201"],
    ["204", bodiless("204 No Content"), "the issuer answered with status 204"],
    ["206", status("206 Partial Content"), "the issuer answered with status 206"],
    ["300", status("300 Multiple Choices"), "the issuer answered with status 300"],
    ["304", bodiless("304 Not Modified"), "the issuer answered with status 304"],
    ["401", status("401 Unauthorized"), "the issuer answered with status 401"],
    ["404", status("404 Not Found"), "the issuer answered with status 404"],
    ["407", status("407 Proxy Authentication Required"), "the issuer answered with status 407"],
    ["no type", typed(""), "the document does not call itself JSON"],
    ["an empty type", typed("Content-Type:\r\n"), "the document does not call itself JSON"],
    ["another type", typed("Content-Type: text/html\r\n"), "the document does not call itself JSON"],
    ["two types", typed(`${JSON_TYPE}Content-Type: text/html\r\n`), "the document does not call itself JSON"],
    ["one type twice", typed(JSON_TYPE + JSON_TYPE), "the document does not call itself JSON"],
  ])("is refused until somebody changes something: %s", async (_name, answer, message) => {
    expect(await refusal(answer)).toMatchObject({ kind: "persistent", message });
  });

  it.each<[string, Answer, string]>([
    ...[301, 302, 303, 307, 308].flatMap((code): [string, Answer, string][] => [
      [`${code}`, status(`${code} Moved`, "Location: /elsewhere\r\n"), `the issuer answered with status ${code}`],
      [`${code} to nowhere`, bodiless(`${code} Moved`), `the issuer answered with status ${code}`],
    ]),
    ["429", status("429 Too Many Requests"), "the issuer answered with status 429"],
    ["500", status("500 Internal Server Error"), "the issuer answered with status 500"],
    ["503 that never ends", send("HTTP/1.1 503 Busy\r\n\r\n"), "the issuer answered with status 503"],
  ])("is a failure that may pass: %s", async (_name, answer, message) => {
    expect(await refusal(answer)).toMatchObject({ kind: "transient", message });
  });

  it.each<[string, Answer, object]>([
    ["nothing", sendAndEnd(""), { code: "ECONNRESET" }],
    ["a reset", ({ socket }) => socket.resetAndDestroy(), { code: "ECONNRESET" }],
    ["half a head", sendAndEnd(`HTTP/1.1 200 OK\r\n${JSON_TYPE}`), { code: "ECONNRESET" }],
    ["no HTTP", send("SSH-2.0-OpenSSH_9.9\r\n"), { code: "HPE_INVALID_CONSTANT" }],
    ["HTTP/2", send("\0\0\x12\x04\0\0\0\0\0"), { code: "HPE_INVALID_CONSTANT" }],
    [
      "a head above 16 KiB",
      send(response("{}", `${JSON_TYPE}X: ${"x".repeat(16_384)}\r\n`)),
      { code: "HPE_HEADER_OVERFLOW" },
    ],
    [
      "a head above 16 KiB in many lines",
      send("HTTP/1.1 200 OK\r\n", `X: ${"x".repeat(90)}\r\n`.repeat(200)),
      { code: "HPE_HEADER_OVERFLOW" },
    ],
    [
      "two lengths",
      send(response("{}", `${JSON_TYPE}Content-Length: 1\r\n`)),
      { code: "HPE_UNEXPECTED_CONTENT_LENGTH" },
    ],
    [
      "a length and chunks",
      send(response("{}", `${JSON_TYPE}Transfer-Encoding: chunked\r\n`)),
      { code: "HPE_INVALID_CONTENT_LENGTH" },
    ],
    [
      "another protocol",
      send("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
      { message: "the connection was closed without a response" },
    ],
    ["early hints without end", send(HINTS.repeat(2000)), { message: "too many informational responses came" }],
    ["nothing after early hints", sendAndEnd(HINTS), { code: "ECONNRESET" }],
    ["less than the said length", sendAndEnd(response("{}").subarray(0, -1)), { code: "ECONNRESET" }],
    ["chunks without the last", sendAndEnd(CHUNKED, "2\r\n{}\r\n"), { code: "ECONNRESET" }],
    ["half a chunk", sendAndEnd(CHUNKED, "3\r\n{}"), { code: "ECONNRESET" }],
    [
      "chunks without the end of their trailers",
      sendAndEnd(CHUNKED, "2\r\n{}\r\n0\r\nA: b\r\n"),
      { code: "ECONNRESET" },
    ],
    ["a chunk of no size", send(CHUNKED, "x\r\n{}"), { code: "ECONNRESET" }],
    [
      "a reset in its body",
      ({ socket }) => {
        socket.write(response("{}").subarray(0, -1), () => socket.resetAndDestroy());
      },
      { code: "ECONNRESET" },
    ],
  ])("is not fetched, and may be later: %s", async (_name, answer, cause) => {
    const failure = await refusal(answer);
    expect(failure).toMatchObject({ kind: "transient", message: "the document could not be fetched" });
    expect(failure.cause).toMatchObject(cause);
  });

  it("is a failure that may pass when nobody listens", async () => {
    const nobody = createServer().listen(0, "127.0.0.1");
    await once(nobody, "listening");
    const { port } = nobody.address() as AddressInfo;
    nobody.close();
    await once(nobody, "close");
    const failure = await failureOf(issuer.get(`http://127.0.0.1:${port}/`));
    expect(failure).toMatchObject({ kind: "transient", cause: { code: "ECONNREFUSED" } });
  });

  it("is a failure that may pass when its name does not resolve", async () => {
    // No name server is asked for a label of more than 63 octets.
    const failure = await failureOf(issuer.get(`http://${"a".repeat(64)}.invalid/`));
    expect(failure).toMatchObject({ kind: "transient", cause: { syscall: "getaddrinfo" } });
  });
});

describe("a process that fetches", () => {
  const FETCH_JSON = join(import.meta.dirname, "../../../src/adapters/oidc/fetch-json.ts");
  const FETCH = `
    import { openFetchJson } from ${JSON.stringify(FETCH_JSON)};
    const settings = { allowInsecureHttp: true, allowPrivateNetwork: true };
    const get = (url, signal, lookup) => openFetchJson(settings, lookup).fetchJson(url, { maxBytes: 10, signal });
    const { bytes } = await get(process.argv[1], new AbortController().signal);
    const gaveUp = new AbortController();
    const unresolved = get("http://issuer.example/", gaveUp.signal, () => setImmediate(() => gaveUp.abort("gave up")));
    const { cause } = await unresolved.catch((failure) => failure);
    await new Promise(setImmediate); // sockets close at the end of a turn
    const kept = process.getActiveResourcesInfo().filter((name) => !name.startsWith("Pipe"));
    console.log(JSON.stringify([Buffer.from(bytes).toString(), cause, kept]));`;

  it("[H10] asks nobody whose certificate it does not trust, whatever its environment says", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mayfly-tls-"));
    const impostor = await RawServer.start(makeTestTlsPair(folder, "impostor"));
    const program = `
      import { openFetchJson } from ${JSON.stringify(FETCH_JSON)};
      const { fetchJson } = openFetchJson({ allowInsecureHttp: false, allowPrivateNetwork: true });
      const bounds = { maxBytes: 10, signal: new AbortController().signal };
      console.log(await fetchJson(process.argv[1], bounds).then(() => "taken", ({ cause }) => cause.code));`;
    try {
      impostor.answer = send(response("{}"));
      const args = ["--input-type=module", "-e", program, `https://127.0.0.1:${impostor.port}/`];
      const env = { NODE_TLS_REJECT_UNAUTHORIZED: "0", NODE_NO_WARNINGS: "1" };
      const { stdout } = await promisify(execFile)(process.execPath, args, { env });
      expect(stdout.trim()).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
      expect(impostor.requests).toEqual([]);
    } finally {
      await impostor.close();
      rmSync(folder, { recursive: true });
    }
  });

  it("uses no proxy of its environment, and is kept alive by nothing once it has fetched or given up", async () => {
    const proxy = await RawServer.start();
    try {
      proxy.answer = send(response('"proxy"'));
      server.answer = send(response('"direct"'));
      const [proxyUrl, node] = [`http://127.0.0.1:${proxy.port}`, process.execPath];
      const { stdout } = await promisify(execFile)(node, ["--input-type=module", "-e", FETCH, url], {
        env: { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: proxyUrl, http_proxy: proxyUrl, NODE_NO_WARNINGS: "1" },
      });
      expect(JSON.parse(stdout)).toEqual(['"direct"', "gave up", []]);
      expect(proxy.connections).toBe(0);
    } finally {
      await proxy.close();
    }
  });
});
