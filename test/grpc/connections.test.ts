import { create, toBinary } from "@bufbuild/protobuf";
import { once } from "node:events";
import { connect, constants } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { connect as connectSocket } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { CreateSigningCertificateRequestSchema } from "../../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import { ISSUED } from "../http/public-app.ts";
import { startGrpc, V2 } from "./grpc-rig.ts";
import type { GrpcRig, GrpcRigOptions } from "./grpc-rig.ts";

let rig: GrpcRig | undefined;
const sessions: ClientHttp2Session[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  await rig?.close(0);
  rig = undefined;
});

const ASKED = {
  credentials: { credentials: { case: "oidcIdentityToken", value: "a.b.c" } },
  key: { case: "publicKeyRequest", value: { publicKey: { content: "pem" } } },
} as const;
const MESSAGE = toBinary(CreateSigningCertificateRequestSchema, create(CreateSigningCertificateRequestSchema, ASKED));

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

function call(session: ClientHttp2Session): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate",
    "content-type": "application/grpc",
    te: "trailers",
  });
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
    const session = connect(`http://127.0.0.1:${String(rig.port)}`);
    sessions.push(session);
    const ends = Array.from({ length: 120 }, () => once(call(session), "close"));
    const codes: unknown[] = [];
    session.once("remoteSettings", ({ maxConcurrentStreams }) => codes.push(maxConcurrentStreams));
    await rig.recorded(0);
    while (rig.requests.length < 64) await new Promise((next) => setImmediate(next));
    release();
    await Promise.all(ends);
    expect(codes).toEqual([100]);
    expect(rig.requests.length).toBeLessThanOrEqual(120);
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

describe("a stop", () => {
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
