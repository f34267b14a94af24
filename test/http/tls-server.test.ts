import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { TLSSocket } from "node:tls";
import { afterAll, afterEach, describe, expect, it } from "@jest/globals";
import { Agent, fetch } from "undici";
import { makeHttpServer } from "../../src/http/server.ts";
import type { HttpServer, ServerLimits } from "../../src/http/server.ts";
import { parseTlsPair } from "../../src/http/tls-pair.ts";
import type { TlsPair } from "../../src/http/tls-pair.ts";
import type { TlsHandshakeFailure } from "../../src/ports/telemetry.ts";
import { makeTestTlsPair } from "../support/tls-pair.ts";
import { makeRig } from "./public-app.ts";
import type { Rig } from "./public-app.ts";
import { makeClient, statuses } from "./raw-socket.ts";
import type { RawClient } from "./raw-socket.ts";

const folder = mkdtempSync(join(tmpdir(), "mayfly-tls-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const first = makeTestTlsPair(folder, "first");
const second = makeTestTlsPair(folder, "second");
const pairOf = (made: typeof first): TlsPair => parseTlsPair(made, Date.now());

const HEALTH = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST_HEALTH = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

const servers: HttpServer[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.close({ drainMs: 0 })));
});

interface TlsRig {
  readonly rig: Rig;
  readonly server: HttpServer;
  readonly port: number;
  readonly renew: (pair: TlsPair) => void;
  /** Causes of the handshakes that failed so far, once there are as many. */
  readonly failures: (count: number) => Promise<readonly TlsHandshakeFailure[]>;
}

async function start(limits: Partial<ServerLimits> = {}): Promise<TlsRig> {
  const rig = makeRig();
  const failed: TlsHandshakeFailure[] = [];
  let wake = (): void => undefined;
  let renew: (pair: TlsPair) => void = () => undefined;
  const server = makeHttpServer({
    listener: rig.listener,
    admission: rig.admission,
    exchange: rig.exchange,
    limits,
    tls: {
      pair: pairOf(first),
      onChange: (use) => {
        renew = use;
      },
      telemetry: {
        handshakeFailed: (cause) => {
          failed.push(cause);
          wake();
        },
      },
    },
  });
  servers.push(server);
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  return {
    rig,
    server,
    port,
    renew: (pair) => {
      renew(pair);
    },
    failures: async (count) => {
      while (failed.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return failed;
    },
  };
}

/** A connection that believes the first and the second certificate, and the name of the one it met. */
async function openTls(port: number): Promise<RawClient & { readonly met: string }> {
  const ca = [first.certificate, second.certificate];
  const socket: TLSSocket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca });
  sockets.push(socket);
  await once(socket, "secureConnect");
  return { ...makeClient(socket), met: String(socket.getPeerCertificate().subject.CN) };
}

async function openTcp(port: number): Promise<RawClient> {
  const socket = connectTcp({ port, host: "127.0.0.1" });
  sockets.push(socket);
  await once(socket, "connect");
  return makeClient(socket);
}

/** `openssl s_client`: its exit code, and what it and the server said. */
async function sClient(port: number, args: readonly string[], input = ""): Promise<{ code: number; said: string }> {
  const child = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${String(port)}`, "-ign_eof", ...args]);
  let said = "";
  child.stdout.on("data", (text: Buffer) => (said += text.toString()));
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number];
  return { code, said };
}

describe("an HTTPS listener", () => {
  it.each([
    ["-tls1_2", "TLSv1.2"],
    ["-tls1_3", "TLSv1.3"],
  ])("answers OpenSSL's client with %s, whose certificate it verifies", async (version, protocol) => {
    const { port } = await start();
    const verify = ["-CAfile", first.certificateFile, "-verify_return_error", "-verify_hostname", "localhost"];
    const { code, said } = await sClient(port, [version, ...verify], LAST_HEALTH);
    expect(code).toBe(0);
    expect(said).toContain(`New, ${protocol}, Cipher is `);
    expect(said).toContain("Verification: OK");
    expect(said).toContain("SERVING");
  });

  it("answers fetch, which is given its certificate authority", async () => {
    const { port } = await start();
    const dispatcher = new Agent({ connect: { ca: first.certificate } });
    const answer = await fetch(`https://localhost:${String(port)}/healthz`, { dispatcher });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: "SERVING" });
    await dispatcher.close();
  });

  it("offers HTTP/1.1 only, also to who asks for HTTP/2", async () => {
    const { port } = await start();
    const { said } = await sClient(port, ["-alpn", "h2,http/1.1"], LAST_HEALTH);
    expect(said).toContain("ALPN protocol: http/1.1");
  });

  it("does not renegotiate", async () => {
    const { port } = await start();
    const { said } = await sClient(port, ["-tls1_2", "-no_ign_eof"], "R\n");
    expect(said).toContain("RENEGOTIATING");
    expect(said).toMatch(/no renegotiation/iu);
  });

  it("refuses what the HTTP parser refuses with the same JSON as without TLS, and records it", async () => {
    const { port, rig } = await start();
    const client = await openTls(port);
    client.write("GET /healthz HTTP/1.1\nHost: a\n\n");
    const text = await client.closed();
    expect(statuses(text)).toEqual([400]);
    expect(text).toContain('"code":3');
    expect(text).toContain("HTTP_MALFORMED");
    expect(rig.events).toMatchObject([{ status: 400, reason: "HTTP_MALFORMED" }]);
  });

  it.each([
    ["[A18] a header that does not come to its end", "GET /healthz HTTP/1.1\r\nHost: a\r\nX"],
    ["[A19] nothing at all after the handshake", ""],
  ])("answers %s with 408", async (_case, bytes) => {
    const { port } = await start({ headersTimeoutMs: 40, requestTimeoutMs: 80, checkIntervalMs: 20 });
    const client = await openTls(port);
    client.write(bytes);
    expect(statuses(await client.closed())).toEqual([408]);
  });
});

describe("[A30] a handshake that comes to nothing is ended and counted:", () => {
  it.each([
    ["TLS 1.0", ["-tls1"]],
    ["TLS 1.1", ["-tls1_1"]],
    ["TLS 1.0 with every cipher suite there is", ["-tls1", "-cipher", "ALL:@SECLEVEL=0"]],
    ["TLS 1.1 with every cipher suite there is", ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]],
    ["TLS 1.2 without forward secrecy", ["-tls1_2", "-cipher", "AES128-GCM-SHA256"]],
    ["TLS 1.2 in CBC mode", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"]],
    ["TLS 1.2 without encryption", ["-tls1_2", "-cipher", "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"]],
  ])("%s", async (_name, args) => {
    const { port, failures, rig } = await start();
    const { code, said } = await sClient(port, args, LAST_HEALTH);
    expect(code).toBe(1);
    expect(said).not.toContain("SERVING");
    expect(said).toMatch(/alert (?:protocol version|handshake failure)/u);
    expect(await failures(1)).toEqual(["unsupported"]);
    expect(rig.events).toEqual([]);
  });

  it("a caller that does not trust the certificate", async () => {
    const { port, failures } = await start();
    const args = ["-CAfile", second.certificateFile, "-verify_return_error"];
    expect((await sClient(port, args, LAST_HEALTH)).code).toBe(1);
    expect(await failures(1)).toEqual(["refused"]);
  });

  const hello = (hex: string): Buffer => Buffer.from(hex, "hex");
  it.each([
    ["plain HTTP, GET", HEALTH, "plaintext"],
    ["plain HTTP, POST", "POST /api/v2/signingCert HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", "plaintext"],
    ["plain HTTP, CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "plaintext"],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "malformed"],
    ["bytes of no meaning", Buffer.alloc(200, 0xab), "malformed"],
    ["zeros", Buffer.alloc(200), "malformed"],
    [
      "a ClientHello whose length is more than there may be",
      Buffer.concat([hello("160301002001"), Buffer.alloc(31, 0xff)]),
      "malformed",
    ],
    ["a ClientHello that is too short", hello("16030100050100000100"), "malformed"],
    [
      "a record that is longer than there may be",
      Buffer.concat([hello("160301ffff01"), Buffer.alloc(31)]),
      "malformed",
    ],
    ["an alert instead of a ClientHello", hello("15030100020228"), "malformed"],
  ])("%s", async (_name, bytes, cause) => {
    const { port, failures, rig } = await start();
    const client = await openTcp(port);
    client.write(bytes);
    expect(await client.closed()).not.toContain("HTTP/1.1");
    expect(await failures(1)).toEqual([cause]);
    expect(rig.events).toEqual([]);
  });

  it.each([
    ["nothing is sent", ""],
    ["half a ClientHello", hello("1603010200010001fc0303")],
    ["a ClientHello of SSL 2", hello("802e0100020015001000000010")],
  ])("%s until the time is over", async (_name, bytes) => {
    const { port, failures } = await start({ handshakeTimeoutMs: 40 });
    const client = await openTcp(port);
    client.write(bytes);
    expect(await client.closed()).toBe("");
    expect(await failures(1)).toEqual(["timeout"]);
  });

  it("a ClientHello of one byte at a time, until the time is over", async () => {
    const { port, failures } = await start({ handshakeTimeoutMs: 60 });
    const client = await openTcp(port);
    client.write(hello("1603010200010001fc0303"));
    const trickle = setInterval(() => {
      client.write("a");
    }, 5);
    expect(await client.closed()).toBe("");
    clearInterval(trickle);
    expect(await failures(1)).toEqual(["timeout"]);
  });

  it.each([
    ["goes away", (socket: Socket) => socket.end()],
    ["breaks the connection", (socket: Socket) => socket.resetAndDestroy()],
  ])("a caller that %s in the middle of it", async (_name, leave) => {
    const { port, failures } = await start();
    const client = await openTcp(port);
    client.write(hello("1603010200010001fc0303"));
    leave(client.socket);
    expect(await failures(1)).toEqual(["disconnected"]);
  });

  it("two hundred half-open handshakes keep nobody else from being served", async () => {
    const { port, failures } = await start({ handshakeTimeoutMs: 1_000 });
    const half = await Promise.all(Array.from({ length: 200 }, () => openTcp(port)));
    for (const client of half) client.write(hello("1603010200010001fc0303"));
    const client = await openTls(port);
    client.write(LAST_HEALTH);
    expect(statuses(await client.closed())).toEqual([200]);
    expect(await failures(200)).toEqual(half.map(() => "timeout"));
  });
});

describe("a certificate that takes the place of another", () => {
  it("[FC40] is met by new connections, while those that are there go on", async () => {
    const { port, renew } = await start();
    const before = await openTls(port);
    expect(before.met).toBe("first");
    before.write(HEALTH);
    await before.received(/SERVING/u);
    renew(pairOf(second));
    const after = await openTls(port);
    expect(after.met).toBe("second");
    for (const client of [before, after]) client.write(LAST_HEALTH);
    expect(statuses(await before.closed())).toEqual([200, 200]);
    expect(statuses(await after.closed())).toEqual([200]);
  });

  it("changes nothing in what is refused", async () => {
    const { port, renew, failures } = await start();
    renew(pairOf(second));
    expect((await sClient(port, ["-tls1_1"], LAST_HEALTH)).code).toBe(1);
    expect((await sClient(port, ["-tls1_2", "-cipher", "AES128-GCM-SHA256"], LAST_HEALTH)).code).toBe(1);
    const { said } = await sClient(port, ["-tls1_2", "-no_ign_eof"], "R\n");
    expect(said).toMatch(/no renegotiation/iu);
    expect(await failures(2)).toEqual(["unsupported", "unsupported"]);
  });
});

describe("closing an HTTPS server", () => {
  it("does not wait for handshakes and idle connections", async () => {
    const { port, server } = await start({ handshakeTimeoutMs: 3_600_000 });
    const half = await openTcp(port);
    half.write(Buffer.from("1603010200010001fc0303", "hex"));
    const idle = await openTls(port);
    idle.write(HEALTH);
    await idle.received(/SERVING/u);
    expect(await server.close({ drainMs: 60_000 })).toEqual({ requestsCut: 0, workUnfinished: 0 });
    expect(await half.closed()).toBe("");
    expect(statuses(await idle.closed())).toEqual([200]);
  });
});
