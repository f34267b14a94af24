import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { SourceOptions } from "../../../src/adapters/log-source/source-options.ts";
import { openUrlReader, type UrlReader } from "../../../src/adapters/log-source/url-reader.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import { makeTestTlsPair } from "../../support/tls-pair.ts";
import { bytesOf, chunked, RawServer, response, send, sendAndEnd, type Answer } from "../oidc/raw-server.ts";

const BODY = "hello";
const MAX_BYTES = 1000;
/** Longer than any test waits. */
const NEVER_MS = 600_000;

let server: RawServer;
let pauses: number[];
const readers: UrlReader[] = [];

beforeAll(async () => {
  server = await RawServer.start();
});
beforeEach(() => {
  server.requests.length = 0;
  pauses = [];
});
afterEach(async () => {
  await Promise.all(readers.splice(0).map((reader) => reader.close()));
});
afterAll(() => server.close());

function open(options: SourceOptions = {}, at = server, scheme = "http"): UrlReader {
  const reader = openUrlReader(`${scheme}://127.0.0.1:${at.port}/log`, {
    idleMs: NEVER_MS,
    requestMs: NEVER_MS,
    attempts: 3,
    pause: (ms) => {
      pauses.push(ms);
      return Promise.resolve();
    },
    ...options,
  });
  readers.push(reader);
  return reader;
}

/** Answers requests one after the other; the last answer is for all that follow. */
function answers(...list: readonly [Answer, ...Answer[]]): void {
  server.answer = (request) => {
    (list[request.index] ?? list.at(-1)!)(request);
  };
}

const text = async (reader: UrlReader, path = "checkpoint", maxBytes = MAX_BYTES): Promise<string | undefined> => {
  const bytes = await reader.get(path, maxBytes);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
};

const good = send(response(BODY, ""));
const status = (line: string, headers = ""): Answer => send(`HTTP/1.1 ${line}\r\n${headers}Content-Length: 0\r\n\r\n`);
const redirect = (to: string, code = 302): Answer => status(`${code} Elsewhere`, `Location: ${to}\r\n`);

describe("a reader of URLs", () => {
  it("asks for a path below its prefix, and says who it is", async () => {
    answers(good);
    expect(await text(open(), "tile/0/x001/234")).toBe(BODY);
    expect(server.requests[0]!.head).toMatch(/^GET \/log\/tile\/0\/x001\/234 HTTP\/1\.1\r\n/u);
    expect(server.requests[0]!.head).toMatch(/\r\nuser-agent: mayfly-log-reader\r\n/u);
  });

  it.each<[string, Answer]>([
    ["in chunks of a byte", send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunked(BODY, { size: 1 }))],
    ["up to the end of the connection", sendAndEnd("HTTP/1.1 200 OK\r\n\r\n", BODY)],
    ["in gzip", send(response(gzipSync(BODY), "Content-Encoding: gzip\r\n"))],
    ["in x-gzip", send(response(gzipSync(BODY), "Content-Encoding: X-GZIP\r\n"))],
    ["as identity", send(response(BODY, "Content-Encoding: identity\r\n"))],
    ["after information", send("HTTP/1.1 103 Early Hints\r\n\r\n", response(BODY, ""))],
  ])("takes a body %s", async (_, answer) => {
    answers(answer);
    expect(await text(open())).toBe(BODY);
    expect(server.requests).toHaveLength(1);
  });

  it("does not wait for the body that says what is not there", async () => {
    answers(send("HTTP/1.1 404 Not Found\r\nContent-Length: 50\r\n\r\nnot"), good);
    const reader = open();
    expect(await text(reader)).toBeUndefined();
    expect(await text(reader)).toBe(BODY);
    expect(server.requests.map(({ connection }) => connection - server.requests[0]!.connection)).toEqual([0, 1]);
  });

  it.each(["404 Not Found", "410 Gone", "403 Forbidden"])("takes %s for what is not there", async (line) => {
    answers(status(line));
    expect(await text(open())).toBeUndefined();
    expect(server.requests).toHaveLength(1);
  });

  const inflated = Buffer.alloc(MAX_BYTES + 1, "x");
  it.each<[string, Answer]>([
    ["says a length beyond the bound", send(response(inflated, ""))],
    [
      "goes beyond the bound in chunks",
      send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunked(inflated)),
    ],
    ["inflates beyond the bound", send(response(gzipSync(inflated), "Content-Encoding: gzip\r\n"))],
    ["is damaged gzip", send(response("no gzip", "Content-Encoding: gzip\r\n"))],
    ["is gzip that is cut", send(response(gzipSync(BODY).subarray(0, -5), "Content-Encoding: gzip\r\n"))],
    ["is in a coding that nobody asked for", send(response(BODY, "Content-Encoding: br\r\n"))],
    ["is in two codings", send(response(BODY, "Content-Encoding: gzip, gzip\r\n"))],
    ["is a status that says nothing", status("204 No Content")],
    ["is a refusal", status("400 Bad Request")],
    ["wants a password", status("401 Unauthorized", "WWW-Authenticate: Basic\r\n")],
    ["is redirected to another host", redirect("http://log.test/log/checkpoint")],
    ["is redirected to another port", redirect("http://127.0.0.1:1/log/checkpoint")],
    ["is redirected to a file", redirect("file:///etc/passwd")],
    ["is redirected to nowhere", status("302 Found")],
    ["is redirected to no URL", redirect("http://[")],
    ["is redirected for ever", redirect("/log/checkpoint")],
  ])("refuses at once what %s, and names it", async (_, answer) => {
    answers(answer);
    const reader = open();
    const failure = await failureOf(reader.get("checkpoint", MAX_BYTES));
    expect(failure).toMatchObject({ code: "log_failed", reason: "SOURCE_INVALID" });
    expect(failure.message).toContain(`http://127.0.0.1:${server.port}/log/checkpoint`);
    expect(pauses).toEqual([]);
    expect(server.requests.length).toBeLessThan(5);
  });

  it.each([301, 302, 303, 307, 308])("follows a %d within the host", async (code) => {
    answers(redirect("/elsewhere", code), good);
    expect(await text(open())).toBe(BODY);
    expect(server.requests[1]!.head).toMatch(/^GET \/elsewhere /u);
  });

  it.each<[string, Answer]>([
    ["429", status("429 Too Many Requests")],
    ["500", status("500 Internal Server Error")],
    ["503", status("503 Service Unavailable")],
    ["503 with a body that never ends", send("HTTP/1.1 503 Busy\r\nContent-Length: 50\r\n\r\nbusy")],
    ["a body that is cut short", sendAndEnd("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhel")],
    ["chunks that are cut short", sendAndEnd("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello")],
    ["a connection that is reset", ({ socket }) => void socket.resetAndDestroy()],
    ["a connection that is closed", ({ socket }) => void socket.end()],
    ["something else than HTTP", sendAndEnd("SSH-2.0-OpenSSH\r\n")],
    ["a head without an end", sendAndEnd("HTTP/1.1 200 OK\r\nX: ", "y".repeat(20_000))],
    ["another protocol", send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")],
  ])("tries again after %s, with pauses that double, and then gives up", async (_, answer) => {
    answers(answer, answer, good);
    expect(await text(open())).toBe(BODY);
    expect(pauses).toEqual([500, 1000]);

    answers(answer);
    const failure = await failureOf(open().get("checkpoint", MAX_BYTES));
    expect(failure).toMatchObject({ code: "log_failed", reason: "SOURCE_UNAVAILABLE" });
    expect(failure.message).toContain("/log/checkpoint");
    expect(pauses).toEqual([500, 1000, 500, 1000]);
  });

  it.each<[string, string, number]>([
    ["seconds", "Retry-After: 7\r\n", 7000],
    ["a date, by the server's own clock", `Date: ${gmt(0)}\r\nRetry-After: ${gmt(9)}\r\n`, 9000],
    ["a date that is past", `Date: ${gmt(9)}\r\nRetry-After: ${gmt(0)}\r\n`, 0],
    ["nothing that can be read", "Retry-After: soon\r\n", 500],
    ["a date without a clock", `Retry-After: ${gmt(9)}\r\n`, 500],
  ])("waits as long as a busy server asks for by %s", async (_, header, pauseMs) => {
    answers(status("503 Service Unavailable", header), good);
    expect(await text(open())).toBe(BODY);
    expect(pauses).toEqual([pauseMs]);
  });

  it("does not wait longer than it was told to, and says how long the server asked for", async () => {
    answers(status("429 Too Many Requests", "Retry-After: 3600\r\n"));
    const failure = await failureOf(open().get("checkpoint", MAX_BYTES));
    expect(failure).toMatchObject({ reason: "SOURCE_UNAVAILABLE", retryAfterMs: 3_600_000 });
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, SourceOptions, Answer, RegExp]>([
    ["that says nothing", { idleMs: 20 }, () => undefined, /nothing came/u],
    ["that stops in its head", { idleMs: 20 }, send("HTTP/1.1 200 OK\r\n"), /nothing came/u],
    [
      "that stops in its body",
      { idleMs: 20 },
      send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"),
      /nothing came/u,
    ],
    ["whose body takes too long", { requestMs: 60 }, dribble, /no whole response/u],
    ["that only informs", { requestMs: 60 }, inform, /no whole response/u],
  ])("gives up a server %s", async (_, options, answer, cause) => {
    answers(answer);
    const failure = await failureOf(open({ ...options, attempts: 2 }).get("checkpoint", MAX_BYTES));
    expect(failure.reason).toBe("SOURCE_UNAVAILABLE");
    expect((failure.cause as Error).message).toMatch(cause);
    expect(server.requests).toHaveLength(2);
  });

  it("says so when nobody listens, and when there is no such host", async () => {
    const gone = await RawServer.start();
    await gone.close();
    expect((await failureOf(open({}, gone).get("checkpoint", MAX_BYTES))).reason).toBe("SOURCE_UNAVAILABLE");
    const nowhere = openUrlReader("http://no-such-host.invalid/", { attempts: 1 });
    expect((await failureOf(nowhere.get("checkpoint", MAX_BYTES))).reason).toBe("SOURCE_UNAVAILABLE");
  });

  it("has no more than 8 requests under way, and all are answered", async () => {
    const waiting: Answer[] = [];
    const { promise: full, resolve } = Promise.withResolvers<undefined>();
    server.answer = (request) => {
      waiting.push(() => {
        good(request);
      });
      if (waiting.length === 8) resolve(undefined);
    };
    const reader = open();
    const all = Promise.all(Array.from({ length: 20 }, (_, at) => text(reader, `tile/0/${at}`)));
    await full;
    expect(server.requests).toHaveLength(8);
    server.answer = good;
    for (const answer of waiting) answer(server.requests[0]!);
    expect(await all).toEqual(Array.from({ length: 20 }, () => BODY));
    expect(server.requests).toHaveLength(20);
  });

  it("ends what is under way when it is closed", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<undefined>();
    server.answer = () => {
      resolve(undefined);
    };
    const reader = open();
    const read = failureOf(reader.get("checkpoint", MAX_BYTES));
    await asked;
    await reader.close();
    expect((await read).reason).toBe("SOURCE_UNAVAILABLE");
    expect((await failureOf(reader.get("checkpoint", MAX_BYTES))).reason).toBe("SOURCE_UNAVAILABLE");
    expect(server.requests).toHaveLength(1);
  });

  it("ends a pause when it is closed", async () => {
    answers(status("503 Busy", "Retry-After: 50\r\n"));
    const { promise: pausing, resolve } = Promise.withResolvers<undefined>();
    const reader = open({
      pause: (_, signal) => {
        resolve(undefined);
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reject(new Error("closed"));
          });
        });
      },
    });
    const read = failureOf(reader.get("checkpoint", MAX_BYTES));
    await pausing;
    await reader.close();
    expect((await read).reason).toBe("SOURCE_UNAVAILABLE");
  });

  it("uses no proxy of the environment", async () => {
    const before = process.env["HTTP_PROXY"];
    process.env["HTTP_PROXY"] = "http://127.0.0.1:1";
    try {
      answers(good);
      expect(await text(open())).toBe(BODY);
    } finally {
      if (before === undefined) delete process.env["HTTP_PROXY"];
      else process.env["HTTP_PROXY"] = before;
    }
  });
});

describe("a reader of https URLs", () => {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-source-tls-"));
  const tls = makeTestTlsPair(folder, "log");
  let secure: RawServer;
  beforeAll(async () => {
    secure = await RawServer.start(tls);
    secure.answer = good;
  });
  afterAll(async () => {
    await secure.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("trusts the authority it was given, and otherwise nobody but the system's", async () => {
    expect(await text(open({ caCertificatePem: tls.certificate }, secure, "https"))).toBe(BODY);
    const failure = await failureOf(open({}, secure, "https").get("checkpoint", MAX_BYTES));
    expect(failure.reason).toBe("SOURCE_UNAVAILABLE");
  });

  it("follows a redirect from http to https on its host, and none back", async () => {
    answers(redirect(`https://127.0.0.1:${secure.port}/elsewhere`));
    expect(await text(open({ caCertificatePem: tls.certificate }))).toBe(BODY);
    secure.answer = redirect(`http://127.0.0.1:${server.port}/elsewhere`);
    const back = open({ caCertificatePem: tls.certificate }, secure, "https");
    expect((await failureOf(back.get("checkpoint", MAX_BYTES))).reason).toBe("SOURCE_INVALID");
  });
});

function gmt(second: number): string {
  return `Sun, 22 Nov 2026 10:00:0${second} GMT`;
}

/** A byte at a time, often enough that the connection is never idle. */
function dribble({ socket }: Parameters<Answer>[0]): void {
  socket.write("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n");
  repeat(socket, "x");
}

function inform({ socket }: Parameters<Answer>[0]): void {
  repeat(socket, "HTTP/1.1 103 Early Hints\r\n\r\n");
}

function repeat(socket: Parameters<Answer>[0]["socket"], what: string): void {
  const timer = setInterval(() => socket.write(bytesOf(what)), 5);
  socket.on("close", () => {
    clearInterval(timer);
  });
}

async function failureOf(reading: Promise<unknown>): Promise<MayflyError> {
  try {
    await reading;
  } catch (error) {
    if (error instanceof MayflyError) return error;
    throw error;
  }
  throw new Error("it was read");
}
