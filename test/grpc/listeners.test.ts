import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { makeTestTlsPair } from "../support/tls-pair.ts";
import type { TestTlsPair } from "../support/tls-pair.ts";
import { startGrpc, V2 } from "./grpc-rig.ts";
import type { GrpcRig, GrpcRigOptions } from "./grpc-rig.ts";

let folder: string;
let pair: TestTlsPair;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-grpc-"));
  pair = makeTestTlsPair(folder, "server");
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let rig: GrpcRig | undefined;
afterEach(async () => {
  await rig?.close(0);
  rig = undefined;
});

const ASKED = {
  credentials: { credentials: { case: "oidcIdentityToken", value: "a.b.c" } },
  key: { case: "publicKeyRequest", value: { publicKey: { content: "pem" } } },
} as const;
const GET = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Everything that comes until the other side is silent about what it was sent. */
async function firstAnswer(socket: Socket): Promise<string> {
  const [bytes] = (await once(socket, "data")) as [Buffer];
  return bytes.toString("latin1");
}

/** What a TLS server chose of the protocols that it was offered. */
async function chosen(port: number, protocols: readonly string[]): Promise<{ protocol: unknown; socket: Socket }> {
  const socket = connectTls({ port, host: "localhost", ca: pair.certificate, ALPNProtocols: [...protocols] });
  await once(socket, "secureConnect");
  return { protocol: socket.alpnProtocol, socket };
}

const kinds: readonly [string, () => GrpcRigOptions][] = [
  ["a port of its own in clear", () => ({})],
  ["a port of its own with TLS", () => ({ tls: pair })],
  ["the port of HTTP in clear", () => ({ onePort: true })],
  ["the port of HTTP with TLS", () => ({ onePort: true, tls: pair })],
];

describe.each(kinds)("gRPC on %s", (_says, options) => {
  it("[CL3] signs, reads and goes on after a refusal, on one connection", async () => {
    rig = await startGrpc(options());
    expect((await rig.ask(V2.createSigningCertificate, ASKED)).certificate.case).toBe("signedCertificateEmbeddedSct");
    await expect(rig.askRaw("/no/such", new Uint8Array(0))).rejects.toMatchObject({ code: 12 });
    expect((await rig.ask(V2.getTrustBundle, {})).chains).toHaveLength(1);
  });

  it("answers a hundred calls at once", async () => {
    rig = await startGrpc(options());
    const asked = Array.from({ length: 100 }, () => rig!.ask(V2.createSigningCertificate, ASKED));
    for (const answer of await Promise.all(asked)) expect(answer.certificate.case).toBe("signedCertificateEmbeddedSct");
    expect(rig.requests).toHaveLength(100);
  });
});

describe("HTTP/1.1 on the port of gRPC alone", () => {
  it("[C16] is told that nothing is there", async () => {
    rig = await startGrpc();
    const socket = connect(rig.port, "127.0.0.1");
    socket.write(GET);
    expect(await firstAnswer(socket)).toMatch(/^HTTP\/1\.1 404 .*"NO_SUCH_PATH"/su);
    socket.destroy();
  });

  it.each(["GET / HTTP/9\r\n\r\n", "PRI * HTTP/1.1\r\n\r\n", "P\u0000", "\x16\x03\x01\x02\x00\x01\x00"])(
    "[C16] is refused when it is none: %j",
    async (text) => {
      rig = await startGrpc();
      const socket = connect(rig.port, "127.0.0.1");
      socket.write(text, "latin1");
      expect(await firstAnswer(socket)).toMatch(/^HTTP\/1\.1 4/u);
      socket.destroy();
    },
  );

  it("is not preferred by a caller who offers both in its TLS handshake", async () => {
    rig = await startGrpc({ tls: pair });
    for (const [offered, expected] of [
      [["h2", "http/1.1"], "h2"],
      [["http/1.1", "h2"], "h2"],
      [["http/1.1"], "http/1.1"],
    ] as const) {
      const { protocol, socket } = await chosen(rig.port, offered);
      expect(protocol).toBe(expected);
      socket.destroy();
    }
  });
});

describe("one port for both", () => {
  it("serves HTTP/1.1 as before, whatever the pieces in which it comes", async () => {
    rig = await startGrpc({ onePort: true });
    for (const size of [1, 2, 3, 7, GET.length]) {
      const socket = connect({ port: rig.port, host: "127.0.0.1", noDelay: true });
      for (let at = 0; at < GET.length; at += size) {
        await new Promise((sent) => socket.write(GET.slice(at, at + size), sent));
      }
      expect(await firstAnswer(socket)).toMatch(/^HTTP\/1\.1 200 /u);
      // And the next request on the connection.
      socket.write(GET);
      expect(await firstAnswer(socket)).toMatch(/^HTTP\/1\.1 200 /u);
      socket.destroy();
    }
  });

  it("takes methods that begin as the preface does for HTTP/1.1", async () => {
    rig = await startGrpc({ onePort: true });
    const methods: readonly [string, number][] = [
      ["POST", 501],
      ["PUT", 501],
      ["PROPFIND", 501],
    ];
    for (const [method, status] of methods) {
      const socket = connect(rig.port, "127.0.0.1");
      socket.write(`${method} /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`);
      expect(await firstAnswer(socket)).toMatch(new RegExp(`^HTTP/1\\.1 ${String(status)} `, "u"));
      socket.destroy();
    }
  });

  it("takes the preface for HTTP/2, whatever the pieces in which it comes", async () => {
    rig = await startGrpc({ onePort: true });
    for (const size of [1, 5, 23, PREFACE.length]) {
      const socket = connect({ port: rig.port, host: "127.0.0.1", noDelay: true });
      for (let at = 0; at < PREFACE.length; at += size) {
        await new Promise((sent) => socket.write(PREFACE.slice(at, at + size), sent));
      }
      // An empty frame of settings.
      socket.write(Buffer.from("000000040000000000", "hex"));
      // The server's own: three bytes of length, then type 4 (RFC 9113 §6.5).
      expect((await firstAnswer(socket)).charCodeAt(3)).toBe(4);
      socket.destroy();
    }
  });

  it("refuses what is the preface but for its last byte", async () => {
    rig = await startGrpc({ onePort: true });
    const socket = connect(rig.port, "127.0.0.1");
    socket.write(`${PREFACE.slice(0, -1)}x`);
    expect(await firstAnswer(socket)).toMatch(/^HTTP\/1\.1 400 /u);
    socket.destroy();
  });

  it.each(["", "P", PREFACE.slice(0, -1)])("closes a connection that stops after %j", async (text) => {
    rig = await startGrpc({ onePort: true, server: { limits: { headersTimeoutMs: 30, checkIntervalMs: 10 } } });
    const socket = connect(rig.port, "127.0.0.1");
    if (text !== "") socket.write(text);
    socket.resume();
    await once(socket, "close");
    expect(rig.events).toEqual([]);
  });

  it("answers a caller who ends after the beginning of a preface", async () => {
    rig = await startGrpc({ onePort: true });
    const socket = connect(rig.port, "127.0.0.1");
    socket.end("PRI");
    socket.resume();
    await once(socket, "close");
    expect((await rig.ask(V2.getTrustBundle, {})).chains).toHaveLength(1);
  });

  it("gives HTTP/1.1 to a caller who offers both in its TLS handshake, as clients of the HTTP API do", async () => {
    rig = await startGrpc({ onePort: true, tls: pair });
    for (const [offered, expected] of [
      [["h2", "http/1.1"], "http/1.1"],
      [["http/1.1"], "http/1.1"],
      [["h2"], "h2"],
    ] as const) {
      const { protocol, socket } = await chosen(rig.port, offered);
      expect(protocol).toBe(expected);
      if (expected === "http/1.1") {
        socket.write(GET);
        expect(await firstAnswer(socket)).toMatch(/^HTTP\/1\.1 200 /u);
      }
      socket.destroy();
    }
  });

  it("refuses plain requests over HTTP/2 with 415", async () => {
    rig = await startGrpc({ onePort: true });
    const session = connectHttp2(`http://127.0.0.1:${String(rig.port)}`);
    const [headers] = (await once(session.request({ ":path": "/healthz" }), "response")) as [Record<string, unknown>];
    expect(headers).toMatchObject({ ":status": 415 });
    session.destroy();
  });

  it("counts connections of both kinds together", async () => {
    const refused: string[] = [];
    rig = await startGrpc({
      onePort: true,
      server: { limits: { maxConnectionsPerAddress: 2 }, onConnectionRefused: (limit) => refused.push(limit) },
    });
    await rig.ask(V2.getTrustBundle, {});
    const second = connect(rig.port, "127.0.0.1");
    second.write(GET);
    await firstAnswer(second);
    const third = connect(rig.port, "127.0.0.1");
    third.on("error", () => undefined).write(PREFACE);
    await once(third, "close");
    expect(refused).toEqual(["address"]);
    second.destroy();
  });
});
