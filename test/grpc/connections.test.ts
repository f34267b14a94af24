import { create, toBinary } from "@bufbuild/protobuf";
import { once } from "node:events";
import { connect, constants } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { connect as connectSocket } from "node:net";
import type { Socket, TcpNetConnectOpts } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { CreateSigningCertificateRequestSchema } from "../../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import { makePeerName } from "../../src/entrance/client-address.ts";
import { ISSUED } from "../http/public-app.ts";
import { frame, headersFrame, PREFACE, resetFrame, SETTINGS } from "../support/http2-frames.ts";
import { startGrpc, told, V2 } from "./grpc-rig.ts";
import type { GrpcRig, GrpcRigOptions } from "./grpc-rig.ts";

let rig: GrpcRig | undefined;
const sessions: ClientHttp2Session[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const session of sessions.splice(0)) session.destroy();
  await rig?.close(0);
  rig = undefined;
});

const ASKED = {
  credentials: { credentials: { case: "oidcIdentityToken", value: "a.b.c" } },
  key: { case: "publicKeyRequest", value: { publicKey: { content: "pem" } } },
} as const;
const MESSAGE = toBinary(CreateSigningCertificateRequestSchema, create(CreateSigningCertificateRequestSchema, ASKED));

const HEADERS = {
  ":method": "POST",
  ":path": "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate",
  "content-type": "application/grpc",
  te: "trailers",
};

/** How an HTTP/2 connection ended. */
interface GoneAway {
  readonly code: number;
  readonly text: string;
}

async function openSession(): Promise<{ session: ClientHttp2Session; goneAway: Promise<GoneAway> }> {
  const session = connect(`http://127.0.0.1:${String(rig!.port)}`);
  sessions.push(session);
  session.on("error", () => undefined);
  const goneAway = new Promise<GoneAway>((resolve) => {
    session.once("goaway", (code: number, _last: number, data?: Buffer) => {
      resolve({ code, text: data?.toString() ?? "" });
    });
  });
  await once(session, "connect");
  return { session, goneAway };
}

/** A connection that has said that it speaks HTTP/2, and nothing more. */
async function openSocket(options: Partial<TcpNetConnectOpts> = {}): Promise<Socket> {
  const socket = connectSocket({ port: rig!.port, host: "127.0.0.1", ...options });
  socket.on("error", () => undefined).resume();
  await once(socket, "connect");
  socket.write(Buffer.concat([PREFACE, SETTINGS]));
  sockets.push(socket);
  return socket;
}

function call(session: ClientHttp2Session): ClientHttp2Stream {
  const stream = session.request({ ...HEADERS });
  stream.on("error", () => undefined).resume();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(MESSAGE.length, 1);
  stream.end(Buffer.concat([head, MESSAGE]));
  return stream;
}

/** When a session is closed, whether it failed or not. */
const closed = (session: ClientHttp2Session): Promise<void> =>
  session.closed
    ? Promise.resolve()
    : new Promise((resolve) => {
        session.once("close", resolve);
      });

const ping = (session: ClientHttp2Session): Promise<void> =>
  new Promise((resolve) => {
    if (session.destroyed) resolve();
    else
      session.ping(() => {
        resolve();
      });
  });

/** Resolves when the other side has seen everything that was sent; pings would be counted. */
const heard = (session: ClientHttp2Session): Promise<void> =>
  new Promise((resolve) => {
    session.settings({}, () => {
      resolve();
    });
  });

/** Opens fifty streams and resets each at once, as long as the connection takes them. */
function resetSome(session: ClientHttp2Session): void {
  for (let count = 0; count < 50; count++) if (!session.closed) call(session).close(constants.NGHTTP2_CANCEL);
}

/** Issuance that ends when the test says so. */
function held(): { options: GrpcRigOptions; begun: Promise<void>; release: () => void } {
  const begun = Promise.withResolvers<undefined>();
  const released = Promise.withResolvers<typeof ISSUED>();
  return {
    options: {
      issue: () => {
        begun.resolve(undefined);
        return released.promise;
      },
    },
    begun: begun.promise,
    release: () => {
      released.resolve(ISSUED);
    },
  };
}

describe("a connection of gRPC", () => {
  it("[C9] ends at the fourth ping in a row", async () => {
    rig = await startGrpc();
    const { session, goneAway } = await openSession();
    for (let count = 0; count < 4; count++) await ping(session);
    expect(await goneAway).toEqual({ code: constants.NGHTTP2_ENHANCE_YOUR_CALM, text: "too_many_pings" });
    await closed(session);
    expect((await rig.ask(V2.getTrustBundle, {})).chains).toHaveLength(1);
  });

  it("may ping with calls between, as clients do who measure it", async () => {
    rig = await startGrpc();
    const { session } = await openSession();
    for (let count = 0; count < 10; count++) {
      await ping(session);
      await ping(session);
      await once(call(session), "close");
    }
    expect(session.closed).toBe(false);
    expect(rig.requests).toHaveLength(10);
  });

  it("[C10] has a hundred streams at once, and refuses what comes before the caller has heard of that", async () => {
    const { options, release } = held();
    rig = await startGrpc(options);
    // A caller that asks first and listens then.
    const session = connect(`http://127.0.0.1:${String(rig.port)}`, { peerMaxConcurrentStreams: 1_000 });
    sessions.push(session);
    const told = once(session, "remoteSettings");
    const streams = Array.from({ length: 120 }, () => call(session));
    const ends = streams.map((stream) => new Promise((closed) => stream.once("close", closed)));
    await Promise.all(ends.slice(100));
    expect(streams.slice(100).map(({ rstCode }) => rstCode)).toEqual(
      Array.from({ length: 20 }, () => constants.NGHTTP2_REFUSED_STREAM),
    );
    release();
    await Promise.all(ends);
    expect((await told)[0]).toMatchObject({ maxConcurrentStreams: 100 });
    expect(streams.slice(0, 100).every(({ rstCode }) => rstCode === constants.NGHTTP2_NO_ERROR)).toBe(true);
    expect(rig.requests).toHaveLength(100);
  });

  it("is closed when it has had no call for a while", async () => {
    rig = await startGrpc({ grpc: { limits: { maxConnectionIdleMs: 20 } } });
    const { session } = await openSession();
    await closed(session);
    expect(session.closed).toBe(true);
  });

  it("[C11] is told to go when it is old, and finishes what is at work on it", async () => {
    const { options, begun, release } = held();
    rig = await startGrpc({ ...options, grpc: { limits: { maxConnectionAgeMs: 200 } } });
    const { session, goneAway } = await openSession();
    const stream = call(session);
    const trailers = once(stream, "trailers");
    await begun;
    expect(await goneAway).toMatchObject({ code: constants.NGHTTP2_NO_ERROR, text: "max_age" });
    release();
    expect((await trailers)[0]).toMatchObject({ "grpc-status": "0" });
    await closed(session);
  });

  it("[C11] has its calls cut when they take longer than the grace of an old connection", async () => {
    const { options, begun, release } = held();
    rig = await startGrpc({ ...options, grpc: { limits: { maxConnectionAgeMs: 200, connectionAgeGraceMs: 20 } } });
    const { session } = await openSession();
    call(session);
    await begun;
    await closed(session);
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ status: 499, reason: "CALLER_GONE", grpc: { code: 1 } }]);
    release();
  });

  it("[C8] ends when it resets its streams as fast as it opens them, and others go on", async () => {
    const { options, release } = held();
    rig = await startGrpc(options);
    const { session } = await openSession();
    while (!session.destroyed) {
      resetSome(session);
      await new Promise((next) => setImmediate(next));
    }
    release();
    expect((await rig.ask(V2.getTrustBundle, {})).chains).toHaveLength(1);
  });

  const CALL = {
    ":authority": "a",
    ":method": "POST",
    ":scheme": "http",
    "content-type": "application/grpc",
    te: "trailers",
  };
  const SIGN = { ...CALL, ":path": "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate" };
  const reset: readonly [string, Readonly<Record<string, string>>][] = [
    ["a call", SIGN],
    ["a method that there is not", { ...CALL, ":path": "/no/such" }],
    ["a message that is compressed", { ...SIGN, "grpc-encoding": "gzip" }],
    ["a request of plain HTTP", { ...SIGN, "content-type": "application/json" }],
  ];
  const codes = [constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_INTERNAL_ERROR, constants.NGHTTP2_CANCEL];
  it.each(reset)("goes on when it resets %s, at once or later, with an error or without", async (_says, fields) => {
    rig = await startGrpc();
    const socket = await openSocket();
    let stream = 1;
    for (const code of codes) {
      socket.write(Buffer.concat([headersFrame(stream, fields), resetFrame(stream, code)]));
      await rig.recorded((stream + 1) / 2);
      stream += 2;
      socket.write(headersFrame(stream, fields));
      // The answer to it, or to the frame behind it.
      socket.write(SETTINGS);
      await once(socket, "data");
      socket.write(resetFrame(stream, code));
      await rig.recorded((stream + 1) / 2);
      stream += 2;
    }
    expect((await rig.ask(V2.getTrustBundle, {})).chains).toHaveLength(1);
    expect(rig.requests).toEqual([]);
    socket.destroy();
    expect(await rig.close(10_000)).toEqual({ requestsCut: 0, workUnfinished: 0 });
    rig = undefined;
  });

  it("lets go of a call that it has refused, whether its message comes or not", async () => {
    rig = await startGrpc();
    const { session } = await openSession();
    const stream = session.request({ ...CALL, ":path": "/no/such" }, { endStream: false });
    const trailers: unknown[] = [];
    stream.on("response", (headers) => trailers.push(headers)).on("error", () => undefined);
    stream.resume();
    await once(stream, "close");
    expect(trailers).toMatchObject([{ "grpc-status": "12" }]);
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  });

  it("is cut when its caller takes nothing any more, not even the end of its calls", async () => {
    // Much more than there is room for between the two ends.
    const long = { ...ISSUED, chainPem: ["x".repeat(2_000_000)] };
    rig = await startGrpc({
      issue: () => Promise.resolve(long),
      grpc: { limits: { stallTimeoutMs: 30, lingerMs: 30 }, deadlineMs: 30 },
    });
    const socket = (await openSocket()).pause();
    const gibibyte = Buffer.from("40000000", "hex");
    // Windows of streams (RFC 9113 §6.5.2) and of the connection (§6.9).
    socket.write(Buffer.concat([frame(4, 0, 0, Buffer.concat([Buffer.of(0, 4), gibibyte])), frame(8, 0, 0, gibibyte)]));
    const data = Buffer.concat([Buffer.from([0, 0, 0, 0, MESSAGE.length]), MESSAGE]);
    for (let at = 0; at < 8; at++) {
      socket.write(Buffer.concat([headersFrame(2 * at + 1, SIGN), frame(0, 1, 2 * at + 1, data)]));
    }
    await rig.recorded(8);
    expect(await rig.close(10_000)).toEqual({ requestsCut: 0, workUnfinished: 0 });
    rig = undefined;
  });

  it.each(["end", "resetAndDestroy"] as const)("is over when its caller ends it, with its calls: %s", async (end) => {
    const { options, begun, release } = held();
    rig = await startGrpc(options);
    const socket = await openSocket();
    const data = Buffer.concat([Buffer.from([0, 0, 0, 0, MESSAGE.length]), MESSAGE]);
    socket.write(Buffer.concat([headersFrame(1, SIGN), frame(0, 1, 1, data)]));
    await begun;
    socket[end]();
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ status: 499, reason: "CALLER_GONE", grpc: { code: 1 } }]);
    release();
  });

  it("is closed in the end when its caller never ends its side of it", async () => {
    rig = await startGrpc({
      grpc: { limits: { maxConnectionIdleMs: 20, maxConnectionAgeMs: 50, connectionAgeGraceMs: 0, lingerMs: 50 } },
      server: { limits: { maxConnections: 1 } },
    });
    const socket = await openSocket({ allowHalfOpen: true });
    await once(socket, "end");
    // What is gone makes room for another one, and only that.
    let next: unknown;
    while (next !== "data") {
      const other = await openSocket();
      next = await Promise.race(["data", "close"].map(async (event) => (await once(other, event), event)));
    }
    expect(socket.writable).toBe(true);
  });

  const broken: readonly [string, Buffer][] = [
    ["a frame that is larger than allowed", Buffer.from("ffffff000000000001", "hex")],
    ["data on stream 0", Buffer.from("000001000000000000ff", "hex")],
    ["a window that overflows", Buffer.from("0000040800000000007fffffff", "hex")],
    ["settings of half a field", Buffer.from("000003040000000000000300", "hex")],
    ["a header block that cannot be read", Buffer.from("000004010500000001ffffffff", "hex")],
    ["a continuation of nothing", Buffer.from("000000090400000001", "hex")],
  ];
  it.each(broken)("[C9] ends for %s", async (_says, frame) => {
    rig = await startGrpc();
    const socket = connectSocket(rig.port, "127.0.0.1");
    socket.on("error", () => undefined).resume();
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(Buffer.from("000000040000000000", "hex"));
    socket.write(frame);
    await once(socket, "close");
    expect((await rig.ask(V2.getTrustBundle, {})).chains).toHaveLength(1);
    expect(rig.requests).toEqual([]);
  });

  it.each([
    ["settings", Buffer.from("000000040000000000", "hex")],
    ["pings", Buffer.from("0000080600000000000000000000000000", "hex")],
    ["endless header blocks", Buffer.from("000001090000000001ff", "hex")],
  ])("[C9] ends for a flood of %s", async (says, frame) => {
    rig = await startGrpc();
    const socket = connectSocket(rig.port, "127.0.0.1");
    const gone = once(socket, "close");
    socket.on("error", () => undefined);
    // Not read, so that answers pile up with the server.
    socket.pause();
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(Buffer.from("000000040000000000", "hex"));
    if (says === "endless header blocks") socket.write(Buffer.from("00000101000000000182", "hex"));
    const flood = Buffer.concat(Array.from({ length: 20_000 }, () => frame));
    socket.write(flood);
    socket.resume();
    await gone;
    expect((await rig.ask(V2.getTrustBundle, {})).chains).toHaveLength(1);
  });
});

describe("calls at once", () => {
  const BUSY = { code: 14, reason: "TOO_MANY_REQUESTS_IN_FLIGHT" };

  it.each([
    ["of all connections", { maxCalls: 3 }],
    ["of one address", { maxCallsPerAddress: 3 }],
  ])("%s are bounded, whether their message has come or not, and each that ends makes room", async (_says, limits) => {
    const { options, release } = held();
    rig = await startGrpc({ ...options, grpc: { limits } });
    const first = call((await openSession()).session);
    const { session } = await openSession();
    const waiting = Array.from({ length: 2 }, () => session.request({ ...HEADERS }, { endStream: false }));
    for (const stream of waiting) stream.on("error", () => undefined);
    await heard(session);
    expect(await told(rig.ask(V2.createSigningCertificate, ASKED))).toEqual(BUSY);
    expect(await told(rig.ask(V2.getTrustBundle, {}))).toEqual(BUSY);
    waiting[0]!.close(constants.NGHTTP2_CANCEL);
    await rig.recorded(3);
    expect((await rig.ask(V2.getTrustBundle, {})).chains).toHaveLength(1);
    release();
    await once(first, "close");
  });

  it("of a proxy that is trusted have only the bound of all", async () => {
    const { options, release } = held();
    rig = await startGrpc({
      ...options,
      grpc: { limits: { maxCallsPerAddress: 1 }, peerName: makePeerName(["127.0.0.1"]) },
    });
    const { session } = await openSession();
    const streams = [call(session), call(session)];
    while (rig.requests.length < 2) await new Promise((next) => setImmediate(next));
    release();
    await Promise.all(streams.map((stream) => once(stream, "close")));
  });
});

describe("a stop", () => {
  it.each(["", "PRI * HT"])("does not wait for a caller that has said %j so far", async (text) => {
    const hour = 3_600_000;
    rig = await startGrpc({ onePort: true, server: { limits: { headersTimeoutMs: hour, requestTimeoutMs: hour } } });
    const socket = connectSocket(rig.port, "127.0.0.1");
    sockets.push(socket);
    await once(socket.on("error", () => undefined).resume(), "connect");
    if (text !== "") socket.write(text);
    await rig.ask(V2.getTrustBundle, {});
    expect(await rig.close(10)).toEqual({ requestsCut: 0, workUnfinished: 0 });
    rig = undefined;
  });

  it("does not wait for a caller that never ends its side of the connection", async () => {
    rig = await startGrpc();
    const socket = await openSocket({ allowHalfOpen: true });
    await rig.ask(V2.getTrustBundle, {});
    expect(await rig.close(10)).toEqual({ requestsCut: 0, workUnfinished: 0 });
    rig = undefined;
    socket.destroy();
  });

  it("lets a call finish and closes its connection", async () => {
    const { options, begun, release } = held();
    rig = await startGrpc(options);
    const asked = rig.ask(V2.createSigningCertificate, ASKED);
    await begun;
    const closing = rig.close(10_000);
    release();
    expect((await asked).certificate.case).toBe("signedCertificateEmbeddedSct");
    expect(await closing).toEqual({ requestsCut: 0, workUnfinished: 0 });
    rig = undefined;
  });

  it("cuts a call that does not finish, and says so", async () => {
    const { options, begun, release } = held();
    rig = await startGrpc(options);
    const asked = rig.ask(V2.createSigningCertificate, ASKED);
    const refused = expect(asked).rejects.toMatchObject({ details: expect.anything() });
    await begun;
    expect(await rig.close(10)).toEqual({ requestsCut: 1, workUnfinished: 1 });
    await refused;
    release();
    rig = undefined;
  });

  it("closes connections that have no call", async () => {
    rig = await startGrpc();
    const { session } = await openSession();
    const gone = closed(session);
    expect(await rig.close(10_000)).toEqual({ requestsCut: 0, workUnfinished: 0 });
    await gone;
    rig = undefined;
  });
});
