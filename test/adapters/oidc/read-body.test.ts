import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { heldMegabytes } from "../../support/held-memory.ts";
import {
  bytesOf,
  chunked,
  failureOf,
  openFor,
  RawServer,
  response,
  send,
  sendAndEnd,
  type Answer,
} from "./raw-server.ts";

let server: RawServer;
let url: string;
let issuer: ReturnType<typeof openFor>;

beforeEach(async () => {
  server = await RawServer.start();
  url = `http://127.0.0.1:${server.port}/`;
  issuer = openFor();
});
afterEach(async () => {
  await issuer.close();
  await server.close();
});

const MAX_BYTES = 1000;
const JSON_TYPE = "Content-Type: application/json\r\n";
const HEAD = `HTTP/1.1 200 OK\r\n${JSON_TYPE}`;
const TOO_LONG = { kind: "persistent", message: "the document is longer than 1000 bytes" };

const coded = (coding: string, body: Uint8Array): Answer =>
  send(response(body, `${JSON_TYPE}Content-Encoding: ${coding}\r\n`));

describe("a body in a content coding that nobody asked for", () => {
  const TEXT = '{"a":1}';
  it.each<[string, string, Uint8Array]>([
    ["gzip", "gzip", gzipSync(TEXT)],
    ["gzip in capitals", "GZip", gzipSync(TEXT)],
    ["gzip by its old name", "x-gzip", gzipSync(TEXT)],
    ["gzip in two members", "gzip", bytesOf(gzipSync('{"a"'), gzipSync(":1}"))],
    ["deflate", "deflate", deflateSync(TEXT)],
    ["deflate without zlib's wrapping", "deflate", deflateRawSync(TEXT)],
    ["brotli", "br", brotliCompressSync(TEXT)],
    ["identity", "identity", bytesOf(TEXT)],
    ["an empty one", "", bytesOf(TEXT)],
  ])("is inflated: %s", async (_name, coding, body) => {
    server.answer = coded(coding, body);
    expect(await issuer.get(url)).toEqual({ bytes: Buffer.from(TEXT) });
  });

  it("is inflated however it is cut", async () => {
    const body = chunked(gzipSync(TEXT), { size: 1, trailers: "Content-Encoding: br\r\n" });
    server.answer = send(`${HEAD}Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n`, body);
    expect(await issuer.get(url)).toEqual({ bytes: Buffer.from(TEXT) });
  });

  it.each<[string, Uint8Array]>([
    ["zstd", zstdCompressSync(TEXT)],
    ["compress", bytesOf(TEXT)],
    ["utf-8", bytesOf(TEXT)],
    ["*", bytesOf(TEXT)],
    ["constructor", bytesOf(TEXT)],
    ["gzip, gzip", gzipSync(gzipSync(TEXT))],
    ["br, gzip", gzipSync(brotliCompressSync(TEXT))],
    ["identity, gzip", gzipSync(TEXT)],
    ["gzip\r\nContent-Encoding: gzip", gzipSync(gzipSync(TEXT))],
  ])("is refused when it is another one, or more than one: %j", async (coding, body) => {
    server.answer = coded(coding, body);
    expect(await failureOf(issuer.get(url))).toMatchObject({
      kind: "persistent",
      message: "the document is in a content coding that is not understood",
    });
    while (server.open.size > 0) await new Promise(setImmediate);
  });

  const flipped = (bytes: Buffer): Buffer => {
    const at = bytes.length - 6;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  };
  it.each<[string, string, Uint8Array]>([
    ["gzip that is none", "gzip", bytesOf(TEXT)],
    ["gzip cut short", "gzip", gzipSync(TEXT).subarray(0, -1)],
    ["gzip with another checksum", "gzip", flipped(gzipSync(TEXT))],
    ["no gzip at all", "gzip", bytesOf()],
    ["deflate cut short", "deflate", deflateSync(TEXT).subarray(0, -1)],
    ["raw deflate cut short", "deflate", deflateRawSync(TEXT).subarray(0, -1)],
    ["brotli that is none", "br", bytesOf(TEXT)],
    ["brotli cut short", "br", brotliCompressSync(TEXT).subarray(0, -1)],
  ])("is a failure that may pass when it is damaged: %s", async (_name, coding, body) => {
    server.answer = coded(coding, body);
    const failure = await failureOf(issuer.get(url));
    expect(failure).toMatchObject({ kind: "transient", message: "the document could not be fetched" });
    expect(failure.cause).toHaveProperty("code", expect.stringMatching(/^(?:Z_|ERR_BROTLI|ERR__ERROR|ERR_PADDING)/u));
  });
});

describe("a body of as much as there may be", () => {
  const most = "x".repeat(MAX_BYTES);

  it.each<[string, Answer, Answer]>([
    ["of a said length", send(response(most)), send(response(`${most}x`))],
    [
      "in chunks of a byte",
      send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, chunked(most, { size: 1 })),
      send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, chunked(`${most}x`, { size: 1 })),
    ],
    [
      "that ends with the connection",
      sendAndEnd(`${HEAD}Connection: close\r\n\r\n${most}`),
      sendAndEnd(`${HEAD}Connection: close\r\n\r\n${most}x`),
    ],
    ["in gzip", coded("gzip", gzipSync(most)), coded("gzip", gzipSync(`${most}x`))],
    ["in deflate", coded("deflate", deflateSync(most)), coded("deflate", deflateSync(`${most}x`))],
    ["in raw deflate", coded("deflate", deflateRawSync(most)), coded("deflate", deflateRawSync(`${most}x`))],
    ["in brotli", coded("br", brotliCompressSync(most)), coded("br", brotliCompressSync(`${most}x`))],
  ])("%s is taken, and refused with a byte more", async (_name, enough, tooMuch) => {
    server.answer = enough;
    expect(await issuer.get(url)).toEqual({ bytes: Buffer.from(most) });
    server.answer = tooMuch;
    expect(await failureOf(issuer.get(url))).toMatchObject(TOO_LONG);
  });
});

describe("a body without end", () => {
  /** Writes as fast as it is read, until the connection is closed. */
  const endless =
    (head: string, block: Uint8Array): Answer =>
    ({ socket }) => {
      const more = (): void => {
        while (!socket.destroyed && socket.write(block));
      };
      socket.on("drain", more);
      socket.write(head);
      more();
    };

  const ofSpaces = Buffer.alloc(65_536, 0x20);
  const emptyGzip = bytesOf(...Array.from({ length: 1000 }, () => gzipSync("")));
  const emptyStored = Buffer.from("0000 00ff ff".replaceAll(" ", "").repeat(1000), "hex");
  it.each<[string, Answer]>([
    ["of no said length", endless(`${HEAD}\r\n`, ofSpaces)],
    ["of a length that it goes on to", endless(`${HEAD}Content-Length: 9007199254740991\r\n\r\n`, ofSpaces)],
    ["in chunks of a byte", endless(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, bytesOf("1\r\n \r\n".repeat(10_000)))],
    ["in gzip that holds nothing", endless(`${HEAD}Content-Encoding: gzip\r\n\r\n`, emptyGzip)],
    ["in deflate that holds nothing", endless(`${HEAD}Content-Encoding: deflate\r\n\r\n`, emptyStored)],
  ])("is given up, and its connection closed: %s", async (_name, answer) => {
    server.answer = answer;
    expect(await failureOf(issuer.get(url))).toMatchObject(TOO_LONG);
    while (server.open.size > 0) await new Promise(setImmediate);
  });
});

describe("a body made to take memory", () => {
  it.each<[string, string, Uint8Array]>([
    ["gzip", "gzip", gzipSync(Buffer.alloc(1 << 26))],
    ["deflate", "deflate", deflateSync(Buffer.alloc(1 << 26))],
    ["brotli", "br", brotliCompressSync(Buffer.alloc(1 << 26), { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })],
  ])("is inflated no further than there may be: 64 MiB in %s", async (_name, coding, bomb) => {
    expect(bomb.length).toBeLessThan(66_000);
    server.answer = coded(coding, bomb);
    const before = process.memoryUsage().arrayBuffers;
    expect(await failureOf(issuer.get(url, undefined, 66_000))).toMatchObject({
      kind: "persistent",
      message: "the document is longer than 66000 bytes",
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4e6);
  });

  /** The response whose head comes next. */
  async function nextResponse(): Promise<IncomingMessage> {
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    const seen = (message: unknown): void => {
      resolve((message as { response: IncomingMessage }).response);
    };
    subscribe("http.client.response.finish", seen);
    return promise.finally(() => unsubscribe("http.client.response.finish", seen));
  }

  it("takes little more than its size while it comes in chunks of a byte", async () => {
    const size = 60_000;
    const head = bytesOf(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    const body = chunked("x".repeat(size), { size: 1 }).subarray(0, -"0\r\n\r\n".length);
    server.answer = send(head, body);
    const aborted = new AbortController();
    const before = heldMegabytes();
    const coming = nextResponse();
    const failed = failureOf(issuer.get(url, aborted.signal, size));
    const incoming = await coming;
    while (incoming.socket.bytesRead < head.length + body.length || incoming.readableLength > 0) {
      await new Promise(setImmediate);
    }
    expect(heldMegabytes() - before).toBeLessThan(2);
    aborted.abort();
    await failed;
  });

  it("is kept without its response, and without the room that it might have taken", async () => {
    const padding = `Padding: ${"x".repeat(15_000)}\r\n`;
    server.answer = send(response(`{"a":"${"x".repeat(100)}"}`, JSON_TYPE + padding));
    const fetched = (): Promise<unknown> => issuer.get(url, undefined, 65_536);
    for (let times = 0; times < 20; times++) await fetched();
    const before = heldMegabytes();
    const kept: unknown[] = [];
    for (let times = 0; times < 300; times++) kept.push(await fetched());
    await new Promise(setImmediate);
    expect(heldMegabytes() - before).toBeLessThan(4);
    expect(kept).toHaveLength(300);
  });
});
