import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { IssueCertificate } from "../../src/core/issuance-types.ts";
import { makeHttpServer, SERVER_LIMITS } from "../../src/http/server.ts";
import type { ServerLimits } from "../../src/http/server.ts";
import { ISSUED, makeRig } from "./public-app.ts";
import type { Rig } from "./public-app.ts";
import { signingCall, startRaw, statuses } from "./raw-socket.ts";
import type { RawServer } from "./raw-socket.ts";

const BODY = '{"credentials":{"oidcIdentityToken":"a.b.c"}}';
const HEALTH = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST_HEALTH = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

const open: RawServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ server }) => server.close({ drainMs: 0 })));
});

async function start(issue?: IssueCertificate, limits: Partial<ServerLimits> = {}): Promise<RawServer & { rig: Rig }> {
  const rig = makeRig(issue);
  const raw = await startRaw(rig, limits);
  open.push(raw);
  return { ...raw, rig };
}

/** An issuance that waits until the test lets it go. */
function heldIssuance(): { issue: IssueCertificate; release: () => void; fail: (error: Error) => void } {
  const { promise, resolve, reject } = Promise.withResolvers<typeof ISSUED>();
  return {
    issue: () => promise,
    release: () => {
      resolve(ISSUED);
    },
    fail: reject,
  };
}

/** Lets the event loop turn until something holds; far more often than any of these tests needs. */
async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 100_000) throw new Error("it never came to hold");
    await new Promise(setImmediate);
  }
}

describe("the golden requests of clients, byte for byte over the wire", () => {
  const text = readFileSync(new URL("../vectors/valid/signing-requests.json", import.meta.url), "utf8");
  const { vectors } = JSON.parse(text) as {
    vectors: { name: string; body: string; authorization: string[]; idToken: string; key: { kind: string } }[];
  };

  it.each(vectors)("[CL4] [CL5] [CL6] [CL7] are taken: $name", async ({ body, authorization, idToken, key }) => {
    const { exchange, rig } = await start();
    const headers = authorization.map((value) => `Authorization: ${value}\r\n`).join("");
    const accept =
      "Content-Type: application/json\r\nAccept: application/pem-certificate-chain\r\nConnection: close\r\n";
    expect(statuses(await exchange(signingCall(body, `${headers}${accept}`)))).toEqual([200]);
    expect(rig.requests).toMatchObject([{ idToken, key: { kind: key.kind } }]);
  });
});

describe("requests that the HTTP parser or the first check refuses", () => {
  const get = (headers: string): string => `GET /healthz HTTP/1.1\r\nHost: a\r\n${headers}\r\n`;
  const post = (headers: string, body = ""): string =>
    `POST /api/v2/signingCert HTTP/1.1\r\nHost: a\r\n${headers}\r\n${body}${HEALTH}`;

  it.each([
    ["[A1] a header block of more than 32 KiB", get(`X: ${"y".repeat(4_000)}\r\n`.repeat(9)), 431],
    ["[A1] one header field of more than 24 KiB", get(`X: ${"y".repeat(24 * 1024 + 1)}\r\n`), 431],
    ["[A1] one header field of more than 32 KiB", get(`X: ${"y".repeat(33 * 1024)}\r\n`), 431],
    ["[A2] 65 header fields", get("X: y\r\n".repeat(64)), 431],
    [
      "[A3] Content-Length together with Transfer-Encoding",
      post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
      400,
    ],
    [
      "[A3] Transfer-Encoding together with Content-Length",
      post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
      400,
    ],
    ["[A3] two equal Content-Length", post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"), 400],
    ["[A3] two different Content-Length", post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), 400],
    ["[A3] a list in Content-Length", post("Content-Length: 2, 2\r\n", "{}"), 400],
    ["[A3] a signed Content-Length", post("Content-Length: +2\r\n", "{}"), 400],
    ["[A3] a transfer coding before chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 400],
    ["[A3] chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 400],
    ["[A3] a transfer coding other than chunked", post("Transfer-Encoding: gzip\r\n"), 400],
    ["[A3] identity as a transfer coding", post("Transfer-Encoding: identity\r\n"), 400],
    ["[A4] a bare line feed", "GET /healthz HTTP/1.1\nHost: a\n\n", 400],
    ["[A4] a bare line feed after a field", "GET /healthz HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400],
    ["[A4] a folded line", get("X: b\r\n c\r\n"), 400],
    ["[A4] NUL in a field", get("X: a\0b\r\n"), 400],
    ["[A4] ESC in a field", get("X: a\x1b[1mb\r\n"), 400],
    ["[A4] [A25] ESC in the request identifier", get("X-Request-ID: a\x1b[1m\r\n"), 400],
    ["[A4] white space before the colon", get("X : a\r\n"), 400],
    ["[A4] a field without a name", get(": a\r\n"), 400],
    ["[A5] no Host", "GET /healthz HTTP/1.1\r\n\r\n", 400],
    ["[A5] two Host", get("Host: b\r\n"), 400],
    ["[A5] two equal Host in other letters", get("hOST: a\r\n"), 400],
    ["[A6] an absolute-form target", "GET http://evil.example/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    [
      "[A6] an absolute-form target of our own",
      "GET http://a/healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      400,
    ],
    ["[A6] CONNECT", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 400],
    ["[A6] OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["[A6] a fragment in the target", "GET /healthz#x HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["[A6] bytes above 0x7f in the target", Buffer.from("GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", "latin1"), 400],
    ["[A28] the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["[A28] no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00", 400],
    ["[A29] an unknown expectation", get("Expect: 200-maybe\r\n"), 417],
    ["an unknown method", "BREW /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ])("%s: one JSON refusal, then the connection is closed", async (_name, bytes, status) => {
    const { exchange, rig } = await start();
    const text = await exchange(bytes);
    expect(statuses(text)).toEqual([status]);
    expect(text).toMatch(/\r\nContent-Type: application\/json\r\n/u);
    expect(text).toMatch(/\r\nConnection: close\r\n/iu);
    const body: unknown = JSON.parse(text.slice(text.indexOf("\r\n\r\n")));
    expect(body).toMatchObject({ code: 3, details: [{ domain: "mayfly" }] });
    const { reason } = (body as { details: [{ reason: string }] }).details[0];
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ route: "other", status, reason, requestId: "own-1" }]);
    expect(text).toContain("\r\nX-Request-Id: own-1\r\n");
    expect(rig.requests).toHaveLength(0);
  });

  it("[A2] 64 header fields are served", async () => {
    const { exchange } = await start();
    const text = await exchange(LAST_HEALTH.replace("Host: a\r\n", `Host: a\r\n${"X: y\r\n".repeat(62)}`));
    expect(statuses(text)).toEqual([200]);
  });

  it("[A6] TRACE is answered like any wrong method and echoes nothing", async () => {
    const { exchange } = await start();
    const text = await exchange("TRACE /healthz HTTP/1.1\r\nHost: a\r\nX: echo-me\r\nConnection: close\r\n\r\n");
    expect(statuses(text)).toEqual([501]);
    expect(text).not.toContain("echo-me");
  });

  it("[A28] a request to upgrade to h2c is served as HTTP/1.1", async () => {
    const { open: connect } = await start();
    const client = await connect();
    client.write(
      "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    );
    expect(statuses(await client.received(/SERVING/u))).toEqual([200]);
    client.socket.destroy();
  });

  it("serves HTTP/1.0 without a Host, as old health checks ask", async () => {
    const { exchange } = await start();
    expect(statuses(await exchange("GET /healthz HTTP/1.0\r\n\r\n"))).toEqual([200]);
  });

  it("[A7] finds a second Authorization field, of which Node keeps the first", async () => {
    const { exchange, rig } = await start();
    const text = await exchange(
      signingCall("{}", "Authorization: Bearer a.b.c\r\nauthorization: Bearer d.e.f\r\nConnection: close\r\n"),
    );
    expect(statuses(text)).toEqual([400]);
    expect(text).toContain("TOKEN_MALFORMED");
    expect(rig.requests).toHaveLength(0);
  });
});

describe("bodies on the wire", () => {
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
  const CHUNKED = "POST /api/v2/signingCert HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

  it("takes a chunked body", async () => {
    const { open: connect } = await start();
    const client = await connect();
    client.write(`${CHUNKED}${chunk(BODY.slice(0, 7))}${chunk(BODY.slice(7))}0\r\n\r\n`);
    expect(statuses(await client.received(/signedCertificateEmbeddedSct/u))).toEqual([200]);
    client.socket.destroy();
  });

  it("[A15] a Content-Length above 128 KiB is 413 before a byte of the body is read", async () => {
    const { exchange, rig } = await start();
    const text = await exchange("POST /api/v2/signingCert HTTP/1.1\r\nHost: a\r\nContent-Length: 131073\r\n\r\n");
    expect(statuses(text)).toEqual([413]);
    expect(text).toMatch(/Connection: close/iu);
    expect(text).toContain('"code":3');
    await rig.recorded(1);
    expect(rig.events[0]).toMatchObject({ status: 413, reason: "BODY_TOO_LARGE" });
  });

  it("[A15] a Content-Length that is no number of ours is 413 too", async () => {
    const { exchange } = await start();
    const text = await exchange(
      "POST /api/v2/signingCert HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999\r\n\r\n",
    );
    expect(statuses(text)).toEqual([413]);
  });

  it("[A15] a body of exactly 128 KiB is read", async () => {
    const { exchange } = await start();
    const text = await exchange(signingCall(BODY.padEnd(128 * 1024), "Connection: close\r\n"));
    expect(statuses(text)).toEqual([200]);
  });

  it("[A16] a chunked body that crosses 128 KiB is 413, and the connection is closed", async () => {
    const { open: connect, rig } = await start();
    const client = await connect();
    client.write(`${CHUNKED}${chunk(" ".repeat(128 * 1024))}`);
    client.write(chunk(" "));
    expect(statuses(await client.closed())).toEqual([413]);
    await rig.recorded(1);
    expect(rig.events[0]).toMatchObject({ status: 413, reason: "BODY_TOO_LARGE" });
  });

  it("[A16] endless chunk extensions end the connection", async () => {
    const { exchange, rig } = await start();
    const text = await exchange(`${CHUNKED}1;${"x".repeat(20_000)}\r\n \r\n0\r\n\r\n`);
    expect(statuses(text)).toEqual([413]);
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ status: 413, reason: "BODY_TOO_LARGE", route: "/api/v2/signingCert" }]);
    expect(rig.requests).toHaveLength(0);
  });

  it.each(["zz\r\n", "-1\r\n", "5\r\nab\r\n0\r\n\r\n"])("a chunk that is none, %j, is 400", async (bytes) => {
    const { exchange, rig } = await start();
    expect(statuses(await exchange(`${CHUNKED}${bytes}`))).toEqual([400]);
    expect(rig.requests).toHaveLength(0);
  });

  it("[B20] a body that ends before its Content-Length is 400, and nothing of it is processed", async () => {
    const { open: connect, rig } = await start();
    const client = await connect();
    client.write(signingCall(BODY).slice(0, -1));
    client.socket.end();
    const text = await client.closed();
    expect(statuses(text)).toEqual([400]);
    expect(text).toContain("BODY_INCOMPLETE");
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ status: 400, reason: "BODY_INCOMPLETE", route: "/api/v2/signingCert" }]);
    expect(rig.requests).toHaveLength(0);
  });

  it("[A29] 100 Continue is sent before a body that will be read", async () => {
    const { open: connect } = await start();
    const client = await connect();
    client.write(signingCall(BODY, "Expect: 100-continue\r\n").slice(0, -BODY.length));
    await client.received(/100 Continue\r\n\r\n$/u);
    client.write(BODY);
    expect(statuses(await client.received(/signedCertificateEmbeddedSct/u))).toEqual([100, 200]);
    client.socket.destroy();
  });

  it.each([
    ["is too long", "/api/v2/signingCert", "Content-Length: 131073\r\n", 413],
    ["is of another type", "/api/v2/signingCert", "Content-Type: text/plain\r\nContent-Length: 9\r\n", 415],
    ["goes to no route", "/api/v2/nothing", "Content-Length: 9\r\n", 404],
  ])("[A29] no 100 Continue is sent for a body that %s", async (_name, path, headers, status) => {
    const { exchange } = await start();
    const text = await exchange(`POST ${path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n${headers}\r\n`);
    expect(statuses(text)).toEqual([status]);
  });

  it("keeps a connection whose refused request was read to its end", async () => {
    const { open: connect } = await start();
    const client = await connect();
    client.write(signingCall("{"));
    await client.received(/BODY_NOT_JSON.*\n$/u);
    client.write(HEALTH);
    expect(statuses(await client.received(/SERVING/u))).toEqual([400, 200]);
    client.socket.destroy();
  });
});

describe("slow and idle connections", () => {
  const QUICK: Partial<ServerLimits> = { headersTimeoutMs: 40, requestTimeoutMs: 80, checkIntervalMs: 20 };

  it("[A17] a body that does not come to its end is 408, and the caller behind it is served", async () => {
    const { open: connect, rig } = await start(undefined, QUICK);
    const client = await connect();
    client.write(signingCall(BODY).slice(0, -3));
    const text = await client.closed();
    expect(statuses(text)).toEqual([408]);
    expect(text).toContain("REQUEST_TIMEOUT");
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ status: 408, reason: "REQUEST_TIMEOUT", route: "/api/v2/signingCert" }]);
    expect(rig.requests).toHaveLength(0);
  });

  it("[A17] a chunked body of one byte at a time is 408", async () => {
    const { open: connect, rig } = await start(undefined, QUICK);
    const client = await connect();
    client.write("POST /api/v2/signingCert HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const trickle = setInterval(() => {
      client.write("1\r\n \r\n");
    }, 5);
    expect(statuses(await client.closed())).toEqual([408]);
    clearInterval(trickle);
    expect(rig.events).toMatchObject([{ status: 408, reason: "REQUEST_TIMEOUT" }]);
  });

  it("[A17] a body that is slow for the reader's own clock is 408 as well, and on record", async () => {
    const rig = makeRig(undefined, { bodyLimits: { maxBytes: 1_000, timeoutMs: 20 } });
    const raw = await startRaw(rig);
    open.push(raw);
    const client = await raw.open();
    client.write(signingCall(BODY).slice(0, -3));
    const text = await client.closed();
    expect(statuses(text)).toEqual([408]);
    expect(text).toContain("REQUEST_TIMEOUT");
    await rig.recorded(1);
    expect(rig.events[0]).toMatchObject({ status: 408, reason: "REQUEST_TIMEOUT", route: "/api/v2/signingCert" });
    expect(rig.requests).toHaveLength(0);
  });

  it("a caller that does not read its answer is cut", async () => {
    const { rig, open: connect } = await start(() => Promise.resolve({ ...ISSUED, chainPem: ["A".repeat(16 << 20)] }), {
      stallTimeoutMs: 20,
    });
    const client = await connect();
    client.socket.pause();
    client.write(signingCall(BODY));
    await rig.recorded(1);
    expect(rig.events[0]).toMatchObject({ status: 499 });
    client.socket.destroy();
  });

  it("[A18] a header that does not come to its end is 408", async () => {
    const { open: connect, rig } = await start(undefined, QUICK);
    const client = await connect();
    client.write("GET /healthz HTTP/1.1\r\nHost: a\r\nX");
    expect(statuses(await client.closed())).toEqual([408]);
    expect(rig.events).toMatchObject([{ status: 408, reason: "REQUEST_TIMEOUT", route: "other" }]);
  });

  it("[A18] a header of one byte at a time is 408", async () => {
    const { open: connect, rig } = await start(undefined, QUICK);
    const client = await connect();
    client.write("GET /healthz HTTP/1.1\r\nHost: a\r\nX: ");
    const trickle = setInterval(() => {
      client.write("y");
    }, 5);
    expect(statuses(await client.closed())).toEqual([408]);
    clearInterval(trickle);
    expect(rig.events).toMatchObject([{ status: 408, reason: "REQUEST_TIMEOUT" }]);
  });

  it("[A18] 2,000 slow headers at once keep nobody else from being served", async () => {
    const { open: connect, exchange, rig } = await start(undefined, { maxConnections: 2_010 });
    const slow = await Promise.all(Array.from({ length: 2_000 }, connect));
    for (const client of slow) client.write("GET /healthz HTTP/1.1\r\nHost: a\r\nX");
    for (let call = 0; call < 3; call++) {
      expect(statuses(await exchange(LAST_HEALTH))).toEqual([200]);
      expect(statuses(await exchange(signingCall(BODY, "Connection: close\r\n")))).toEqual([200]);
      for (const client of slow) client.write("y");
    }
    // All of them are still there: nobody was served because others had been turned away.
    expect(rig.events.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 200));
    for (const client of slow) {
      expect(client.socket.readyState).toBe("open");
      client.socket.destroy();
    }
  });

  it("[A17] [A18] [A19] [A20] [A30] has the times and counts that are promised", () => {
    expect(SERVER_LIMITS).toMatchObject({
      handshakeTimeoutMs: 5_000,
      headersTimeoutMs: 10_000,
      requestTimeoutMs: 15_000,
      checkIntervalMs: 2_000,
      keepAliveTimeoutMs: 75_000,
      maxRequestsPerSocket: 1_000,
    });
  });

  it.each(["", "\r\n\r\n"])("[A19] a connection that sends nothing but %j is closed", async (bytes) => {
    const { open: connect, rig } = await start(undefined, QUICK);
    const client = await connect();
    client.write(bytes);
    expect(statuses(await client.closed())).toEqual([408]);
    expect(rig.events).toMatchObject([{ status: 408, reason: "REQUEST_TIMEOUT", route: "other" }]);
  });

  it("[A20] an idle connection is closed without a word", async () => {
    const { exchange } = await start(undefined, { keepAliveTimeoutMs: 20 });
    expect(statuses(await exchange(HEALTH))).toEqual([200]);
  });

  it("[A20] a connection gets as many answers as it may, the last of which closes it", async () => {
    const { exchange } = await start(undefined, { maxRequestsPerSocket: 3 });
    const text = await exchange(HEALTH.repeat(5));
    expect(statuses(text)).toEqual([200, 200, 200]);
    expect(text.match(/connection: close/giu)).toHaveLength(1);
  });

  it("refuses connections beyond the greatest number", async () => {
    const { open: connect } = await start(undefined, { maxConnections: 1 });
    const first = await connect();
    first.write(HEALTH);
    await first.received(/SERVING/u);
    const second = await connect();
    expect(await second.closed()).toBe("");
    first.write(HEALTH);
    await first.received(/SERVING[^]*SERVING/u);
    first.socket.destroy();
  });
});

describe("pipelined requests", () => {
  it("[A21] are answered in order, one at work at a time", async () => {
    const order: number[] = [];
    let atWork = 0;
    let most = 0;
    const { open: connect, rig } = await start(async () => {
      most = Math.max(most, ++atWork);
      await new Promise(setImmediate);
      atWork--;
      return { ...ISSUED, logIndex: order.push(order.length) };
    });
    const client = await connect();
    client.write(signingCall(BODY).repeat(499) + signingCall(BODY, "Connection: close\r\n"));
    expect(statuses(await client.closed())).toEqual(Array.from({ length: 500 }, () => 200));
    await rig.recorded(500);
    expect(most).toBe(1);
    expect(rig.events.map(({ logIndex }) => logIndex)).toEqual(Array.from({ length: 500 }, (_, at) => at + 1));
    client.socket.destroy();
  });

  it("[A3] garbage behind a request that is at work is never taken for its answer", async () => {
    const held = heldIssuance();
    const { open: connect, rig } = await start(held.issue);
    const client = await connect();
    client.write(signingCall(BODY));
    await until(() => rig.requests.length === 1);
    client.write("\0\0\0\r\n\r\n");
    expect(await client.closed()).toBe("");
    held.release();
    await rig.recorded(1);
    expect(rig.events[0]).toMatchObject({ status: 499 });
  });

  it("[A6] CONNECT behind a request that is at work is never answered before it", async () => {
    const held = heldIssuance();
    const { open: connect, rig } = await start(held.issue);
    const client = await connect();
    client.write(signingCall(BODY));
    await until(() => rig.requests.length === 1);
    client.write("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n");
    expect(await client.closed()).toBe("");
    held.release();
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ status: 499 }]);
  });

  it("[A17] a slow body behind a request that is at work is never answered before it", async () => {
    const held = heldIssuance();
    const { open: connect, rig } = await start(held.issue, {
      headersTimeoutMs: 40,
      requestTimeoutMs: 80,
      checkIntervalMs: 20,
    });
    const client = await connect();
    client.write(signingCall(BODY) + signingCall(BODY).slice(0, -3));
    expect(await client.closed()).toBe("");
    held.release();
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ status: 499 }]);
    expect(rig.requests).toHaveLength(1);
  });

  it("[A4] garbage that comes in many pieces is refused, and recorded, once", async () => {
    const { open: connect, rig } = await start();
    const client = await connect();
    client.socket.setNoDelay(true);
    for (let piece = 0; piece < 20; piece++) client.write("\0");
    expect(statuses(await client.closed())).toEqual([400]);
    expect(rig.events).toHaveLength(1);
  });

  it("what waits behind a refusal that closes the connection is not taken", async () => {
    const { exchange, rig } = await start();
    const text = await exchange(`GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${signingCall(BODY)}`);
    expect(statuses(text)).toEqual([400]);
    expect(rig.requests).toHaveLength(0);
  });
});

describe("a caller that goes away", () => {
  it("A32 while its body is read is counted as gone, and nothing is issued", async () => {
    const { open: connect, rig } = await start();
    const client = await connect();
    client.write(signingCall(BODY).slice(0, -1));
    client.socket.resetAndDestroy();
    await rig.recorded(1);
    expect(rig.events[0]).toMatchObject({ route: "/api/v2/signingCert", status: 499 });
    expect(rig.requests).toHaveLength(0);
    expect(rig.admission.inFlight).toBe(0);
  });

  it.each([
    [
      "succeeds",
      (held: ReturnType<typeof heldIssuance>) => {
        held.release();
      },
    ],
    [
      "fails",
      (held: ReturnType<typeof heldIssuance>) => {
        held.fail(new Error("late"));
      },
    ],
  ])("A32 while its certificate is issued leaves nothing behind when issuance then %s", async (_name, end) => {
    const held = heldIssuance();
    const { open: connect, rig, exchange } = await start(held.issue);
    const client = await connect();
    client.write(signingCall(BODY));
    await until(() => rig.requests.length === 1);
    client.socket.resetAndDestroy();
    await rig.recorded(1);
    expect(rig.events[0]).toMatchObject({ status: 499 });
    expect(rig.admission.inFlight).toBe(1);
    end(held);
    await rig.admission.idle();
    expect(statuses(await exchange(LAST_HEALTH))).toEqual([200]);
  });
});

describe("closing the server", () => {
  it("[T1] lets what is at work finish, tells its caller to go, and cuts nothing", async () => {
    const held = heldIssuance();
    const { open: connect, rig, server } = await start(held.issue);
    const clients = await Promise.all(Array.from({ length: 50 }, connect));
    for (const client of clients) client.write(signingCall(BODY));
    await until(() => rig.requests.length === 50);
    const report = server.close({ drainMs: 60_000 });
    held.release();
    const texts = await Promise.all(clients.map((client) => client.closed()));
    expect(texts.map(statuses)).toEqual(texts.map(() => [200]));
    expect(texts.filter((text) => !/Connection: close/iu.test(text))).toEqual([]);
    expect(await report).toEqual({ requestsCut: 0, workUnfinished: 0 });
  });

  it("[T1] refuses a new request on a kept connection with 503, Retry-After and a close", async () => {
    const held = heldIssuance();
    const { open: connect, rig, server } = await start(held.issue);
    const [busy, other] = [await connect(), await connect()];
    busy.write(signingCall(BODY));
    await until(() => rig.requests.length === 1);
    // Half a header: the connection is not idle, so it is not closed at once.
    other.write(HEALTH.slice(0, -2));
    await new Promise(setImmediate);
    const report = server.close({ drainMs: 60_000 });
    other.write("\r\n");
    const refused = await other.closed();
    expect(statuses(refused)).toEqual([503]);
    expect(refused).toMatch(/Retry-After: [1-5]\r\n/u);
    expect(refused).toMatch(/Connection: close/iu);
    expect(refused).toContain("SHUTTING_DOWN");
    held.release();
    expect(statuses(await busy.closed())).toEqual([200]);
    expect(await report).toEqual({ requestsCut: 0, workUnfinished: 0 });
  });

  it("[T1] takes no new connection", async () => {
    const { server, open: connect } = await start();
    await server.close({ drainMs: 60_000 });
    await expect(connect()).rejects.toThrow("ECONNREFUSED");
  });

  it("[T2] cuts at the deadline what does not end, and says so", async () => {
    const held = heldIssuance();
    const { open: connect, rig, server } = await start(held.issue);
    const client = await connect();
    client.write(signingCall(BODY));
    await until(() => rig.requests.length === 1);
    expect(await server.close({ drainMs: 1 })).toEqual({ requestsCut: 1, workUnfinished: 1 });
    expect(await client.closed()).toBe("");
    held.release();
    await rig.admission.idle();
  });

  it("waits for admitted work whose caller has gone", async () => {
    const held = heldIssuance();
    const { open: connect, rig, server } = await start(held.issue);
    const client = await connect();
    client.write(signingCall(BODY));
    await until(() => rig.requests.length === 1);
    client.socket.resetAndDestroy();
    await rig.recorded(1);
    let isClosed = false;
    const report = server.close({ drainMs: 60_000 }).finally(() => {
      isClosed = true;
    });
    await new Promise(setImmediate);
    expect(isClosed).toBe(false);
    held.release();
    expect(await report).toEqual({ requestsCut: 0, workUnfinished: 0 });
  });

  it("does not wait for connections without a request, and closes twice as once", async () => {
    const { open: connect, server } = await start();
    const [silent, halfway, idle] = [await connect(), await connect(), await connect()];
    halfway.write("GET /healthz HTTP/1.1\r\nHo");
    idle.write(HEALTH);
    await idle.received(/SERVING/u);
    const reports = [server.close({ drainMs: 60_000 }), server.close({ drainMs: 0 })];
    expect(await Promise.all(reports)).toEqual(reports.map(() => ({ requestsCut: 0, workUnfinished: 0 })));
    for (const client of [silent, halfway, idle]) await client.closed();
  });

  it("closes when it never listened", async () => {
    const { listener, admission } = makeRig();
    const server = makeHttpServer({ listener, admission });
    expect(await server.close({ drainMs: 0 })).toEqual({ requestsCut: 0, workUnfinished: 0 });
  });
});

describe("listening", () => {
  it("tells the port it got", async () => {
    const { port } = await start();
    expect(port).toBeGreaterThan(0);
  });

  it("rejects when the port is taken", async () => {
    const { port } = await start();
    const { listener } = makeRig();
    await expect(makeHttpServer({ listener }).listen({ host: "127.0.0.1", port })).rejects.toThrow("EADDRINUSE");
  });

  it("waits for the end of a connection it was told to close", async () => {
    const { open: connect } = await start();
    const client = await connect();
    client.write(LAST_HEALTH);
    await once(client.socket, "close");
    expect(statuses(await client.closed())).toEqual([200]);
  });
});
