import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it } from "@jest/globals";
import { connect, constants } from "node:http2";
import type { ClientHttp2Session, ClientSessionOptions, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { gzipSync } from "node:zlib";
import { once } from "node:events";
import { makeAdmission } from "../../src/entrance/admission.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { CreateSigningCertificateRequestSchema } from "../../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import { UNLIMITED } from "../../src/adapters/limits/open-rate-limits.ts";
import { ISSUED } from "../http/public-app.ts";
import { refusalOf, startGrpc, told, V2 } from "./grpc-rig.ts";
import type { GrpcRig } from "./grpc-rig.ts";

let rig: GrpcRig | undefined;
let session: ClientHttp2Session | undefined;
afterEach(async () => {
  session?.destroy();
  session = undefined;
  await rig?.close(0);
  rig = undefined;
});

const SIGN = "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate";
const ASKED = {
  credentials: { credentials: { case: "oidcIdentityToken", value: "a.b.c" } },
  key: { case: "publicKeyRequest", value: { publicKey: { content: "pem" } } },
} as const;
const MESSAGE = toBinary(CreateSigningCertificateRequestSchema, create(CreateSigningCertificateRequestSchema, ASKED));
const TOKEN = { oidcidentitytoken: "a.b.c" };

/** A message as gRPC puts it into HTTP/2: a flag, a length, the bytes. */
function framed(bytes: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Node's clients would not send a field twice of their own accord. */
const LAX: ClientSessionOptions & { readonly strictSingleValueFields: boolean } = { strictSingleValueFields: false };

const CALL = {
  ":method": "POST",
  ":path": SIGN,
  "content-type": "application/grpc",
  te: "trailers",
};

/** A stream of an HTTP/2 client that knows nothing of gRPC. */
async function open(
  headers: Readonly<Record<string, string>>,
  more: readonly string[] = [],
): Promise<ClientHttp2Stream> {
  if (session === undefined) {
    session = connect(`http://127.0.0.1:${String(rig!.port)}`, LAX);
    session.on("error", () => undefined);
    await once(session, "connect");
  }
  const fields = [...Object.entries({ ...CALL, ...headers }).flat(), ...more];
  const stream = session.request(fields, { endStream: false });
  stream.on("error", () => undefined);
  return stream;
}

/** What a stream was answered with, in header and trailers. */
async function answerOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  const fields: IncomingHttpHeaders = {};
  const keep = (headers: IncomingHttpHeaders): void => {
    Object.assign(fields, headers);
  };
  stream.on("response", keep).on("trailers", keep);
  stream.resume();
  await once(stream, "close");
  return fields;
}

describe("a call is refused", () => {
  const unknown = [
    "/dev.sigstore.fulcio.v2.CA/Nothing",
    "/dev.sigstore.fulcio.v2.Nothing/CreateSigningCertificate",
    "/dev.sigstore.fulcio.v2.CA/createSigningCertificate",
    "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate/",
    "//dev.sigstore.fulcio.v2.CA/CreateSigningCertificate",
    "/grpc.health.v1.Health/Nothing",
    "/",
  ];
  it.each(unknown)("[C5] on the path %s, which is no method", async (path) => {
    rig = await startGrpc();
    expect(await refusalOf(rig.askRaw(path, MESSAGE))).toMatchObject({
      code: 12,
      message: "unknown service or method",
      reason: "METHOD_NOT_ALLOWED",
    });
    await rig.recorded(1);
    expect(rig.events).toMatchObject([
      {
        route: "other",
        status: 501,
        grpc: { service: "unknown", method: "unknown", code: 12 },
        reason: "METHOD_NOT_ALLOWED",
      },
    ]);
    expect(rig.requests).toEqual([]);
  });

  it.each(["Watch", "List"])("[C13] for %s of its health", async (method) => {
    rig = await startGrpc();
    expect(await told(rig.askRaw(`/grpc.health.v1.Health/${method}`, new Uint8Array(0)))).toEqual({
      code: 12,
      reason: "METHOD_NOT_ALLOWED",
    });
  });

  it("[C5] whose path has no leading slash, by HTTP/2 itself", async () => {
    rig = await startGrpc();
    await expect(rig.askRaw(SIGN.slice(1), MESSAGE)).rejects.toMatchObject({ code: 13 });
    await rig.ask(V2.getTrustBundle, {});
    expect(rig.requests).toEqual([]);
  });

  it("[C1] [FE19] when its message is too large, and the connection goes on", async () => {
    rig = await startGrpc();
    expect((await refusalOf(rig.askRaw(SIGN, new Uint8Array(128 * 1024 + 1)))).code).toBe(8);
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ status: 413, reason: "BODY_TOO_LARGE", grpc: { code: 8 } }]);
    await rig.ask(V2.getTrustBundle, {});
    expect(rig.requests).toEqual([]);
  });

  const malformed: readonly [string, Uint8Array][] = [
    ["a truncated varint", Buffer.from([0x0a, 0xff])],
    ["a length past the end", Buffer.from([0x0a, 0x7f, 0x00])],
    ["a wrong wire type", Buffer.from([0x0d, 0x01])],
    ["field number 0", Buffer.from([0x02, 0x00])],
    ["a group that ends without having begun", Buffer.from([0x0c])],
    ["a group without an end", Buffer.from([0x7b])],
    ["120,000 groups one within the other", Buffer.alloc(120_000, 0x7b)],
    ["text that is not UTF-8", Buffer.from([0x0a, 0x03, 0x0a, 0x01, 0xff])],
  ];
  it.each(malformed)("[B21] [B22] when its message has %s", async (_says, bytes) => {
    rig = await startGrpc();
    expect(await refusalOf(rig.askRaw(SIGN, bytes, { metadata: TOKEN }))).toMatchObject({
      code: 3,
      message: "The request could not be parsed",
      reason: "MESSAGE_MALFORMED",
    });
    await rig.ask(V2.getConfiguration, {});
  });

  it("when a read has a malformed message", async () => {
    rig = await startGrpc();
    for (const path of [
      "/dev.sigstore.fulcio.v2.CA/GetTrustBundle",
      "/dev.sigstore.fulcio.v2.CA/GetConfiguration",
      "/dev.sigstore.fulcio.v1beta.CA/GetRootCertificate",
      "/grpc.health.v1.Health/Check",
    ]) {
      expect(await told(rig.askRaw(path, Buffer.from([0x0a])))).toEqual({ code: 3, reason: "MESSAGE_MALFORMED" });
    }
  });

  const tokens: readonly [string, Readonly<Record<string, string>>, string][] = [
    ["no token", {}, "TOKEN_MISSING"],
    ["an empty one", { oidcidentitytoken: "" }, "TOKEN_MISSING"],
    ["a scheme without a token", { authorization: "Bearer" }, "TOKEN_MISSING"],
    ["another scheme", { authorization: "Basic eA==" }, "TOKEN_MALFORMED"],
    ["a token without a scheme", { authorization: "a.b.c" }, "TOKEN_MALFORMED"],
    ["two spaces", { authorization: "Bearer  a.b.c" }, "TOKEN_MALFORMED"],
    ["a token in both fields", { authorization: "Bearer a.b.c", ...TOKEN }, "TOKEN_MALFORMED"],
  ];
  it.each(tokens)("[CL4] with %s in its metadata", async (_says, metadata, reason) => {
    rig = await startGrpc();
    const { key } = ASKED;
    expect(await refusalOf(rig.ask(V2.createSigningCertificate, { key }, { metadata }))).toMatchObject({
      code: 3,
      message: "There was an error processing the identity token",
      reason,
    });
    expect(rig.requests).toEqual([]);
  });

  it.each(["oidcidentitytoken", "authorization"])("[C15] with two fields %s", async (name) => {
    rig = await startGrpc();
    const stream = await open({}, [name, "Bearer a.b.c", name, "Bearer a.b.c"]);
    stream.end(framed(new Uint8Array(0)));
    expect(await answerOf(stream)).toMatchObject({
      ":status": 200,
      "grpc-status": "3",
      "grpc-message": encodeURI("There was an error processing the identity token"),
    });
    expect(rig.requests).toEqual([]);
  });

  it("[C12] and nothing worse happens, when binary metadata are no base64", async () => {
    rig = await startGrpc();
    const stream = await open({ "anything-bin": "***" });
    stream.end(framed(new Uint8Array(0)));
    expect(await answerOf(stream)).toMatchObject({ "grpc-status": "3" });
  });

  it("for the reason that issuance gives, with the time after which to come again", async () => {
    const error = new MayflyError("LOG_BUSY", "made by a test", { retryAfterMs: 7_000 });
    rig = await startGrpc({ issue: () => Promise.reject(error) });
    expect(await refusalOf(rig.ask(V2.createSigningCertificate, ASKED))).toMatchObject({
      code: 14,
      message: "Error entering certificate in CTL",
      reason: "LOG_BUSY",
      retrySeconds: 7,
    });
    await rig.recorded(1);
    expect(rig.events).toMatchObject([
      { status: 503, code: "log_unavailable", detail: "made by a test", grpc: { code: 14 } },
    ]);
  });

  it("[A31] without a word of what a bug said", async () => {
    rig = await startGrpc({ issue: () => Promise.reject(new TypeError("secret")) });
    const { code, message, reason } = await refusalOf(rig.ask(V2.createSigningCertificate, ASKED));
    expect({ code, message, reason }).toEqual({
      code: 13,
      message: "error communicating with CA backend",
      reason: "UNEXPECTED",
    });
  });

  it("when the process stops", async () => {
    const admission = makeAdmission();
    rig = await startGrpc({ grpc: { admission } });
    admission.close();
    expect(await told(rig.ask(V2.createSigningCertificate, ASKED))).toEqual({ code: 14, reason: "SHUTTING_DOWN" });
    expect(await told(rig.ask(V2.getTrustBundle, {}))).toEqual({ code: 14, reason: "SHUTTING_DOWN" });
  });

  it("[S4] beyond the rates of its client, and other methods are not", async () => {
    const full = { take: () => 1_500, waitMs: () => 0 };
    rig = await startGrpc({ grpc: { rateLimits: { signing: full, failedTokens: UNLIMITED, reads: UNLIMITED } } });
    expect(await refusalOf(rig.ask(V2.createSigningCertificate, ASKED))).toMatchObject({
      code: 8,
      reason: "RATE_LIMITED_SIGNING",
      retrySeconds: 2,
    });
    await rig.ask(V2.getTrustBundle, {});
    expect(rig.requests).toEqual([]);
  });

  it("[S4] when its client reads too often, on paths that are none too", async () => {
    const full = { take: () => 1_000, waitMs: () => 0 };
    rig = await startGrpc({ grpc: { rateLimits: { signing: UNLIMITED, failedTokens: UNLIMITED, reads: full } } });
    const limited = { code: 8, reason: "RATE_LIMITED_READS" };
    expect(await told(rig.ask(V2.getTrustBundle, {}))).toEqual(limited);
    expect(await told(rig.ask(V2.getConfiguration, {}))).toEqual(limited);
    expect(await told(rig.askRaw("/dev.sigstore.fulcio.v1beta.CA/GetRootCertificate", new Uint8Array(0)))).toEqual(
      limited,
    );
    expect(await told(rig.askRaw("/nothing/here", new Uint8Array(0)))).toEqual(limited);
  });

  it("[S4] after too many bad tokens of its client, which is told by trusted proxies", async () => {
    const failed: string[] = [];
    const failedTokens = { take: (client: string) => failed.push(client), waitMs: () => 0 };
    rig = await startGrpc({
      issue: () => Promise.reject(new MayflyError("TOKEN_EXPIRED", "made by a test")),
      grpc: {
        rateLimits: { signing: UNLIMITED, failedTokens, reads: UNLIMITED },
        clientAddress: ({ headers, socket }) =>
          `${String(headers["x-forwarded-for"])} by ${String(socket.remoteAddress)}`,
      },
    });
    await told(rig.ask(V2.createSigningCertificate, ASKED, { metadata: { "x-forwarded-for": "192.0.2.1" } }));
    expect(failed).toEqual(["192.0.2.1 by 127.0.0.1"]);
  });
});

describe("a deadline", () => {
  /** Issuance that hangs until it is told to end. */
  const hang = (signal: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        reject(signal.reason as Error);
      });
    });

  it("of the service is told while a stage hangs, whose signal is aborted", async () => {
    let seen: AbortSignal | undefined;
    rig = await startGrpc({
      issue: (_request, signal) => {
        seen = signal;
        return hang(signal);
      },
      grpc: { deadlineMs: 20 },
    });
    expect(await told(rig.ask(V2.createSigningCertificate, ASKED))).toEqual({ code: 14, reason: "DEADLINE_EXCEEDED" });
    expect(seen?.reason).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });

  it("[C6] of the caller is kept when it is the shorter one", async () => {
    const aborted = Promise.withResolvers<unknown>();
    rig = await startGrpc({
      issue: (_request, signal) => {
        signal.addEventListener("abort", () => {
          aborted.resolve(signal.reason);
        });
        return hang(signal);
      },
    });
    const call = await open({ ...TOKEN, "grpc-timeout": "300m" });
    call.end(framed(MESSAGE));
    expect(await answerOf(call)).toMatchObject({ "grpc-status": "4" });
    expect(await aborted.promise).toMatchObject({ reason: "CALLER_DEADLINE" });
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ status: 504, reason: "CALLER_DEADLINE", grpc: { code: 4 } }]);
  });

  it.each(["0m", "1n"])("[C6] that has passed begins no stage: %s", async (timeout) => {
    rig = await startGrpc();
    const call = await open({ ...TOKEN, "grpc-timeout": timeout });
    call.end(framed(MESSAGE));
    expect(await answerOf(call)).toMatchObject({ "grpc-status": "4" });
    expect(rig.requests).toEqual([]);
  });

  it.each(["soon", "", "5", "m", "-1S", "1.5S", "1 S", "5x", "1S1", "123456789n", "5s"])(
    "that is none is refused: %j",
    async (timeout) => {
      rig = await startGrpc();
      const call = await open({ ...TOKEN, "grpc-timeout": timeout });
      call.end(framed(MESSAGE));
      expect(await answerOf(call)).toMatchObject({
        "grpc-status": "3",
        "grpc-message": encodeURI("The request could not be parsed"),
      });
      expect(rig.requests).toEqual([]);
    },
  );

  it.each(["596H", "597H", "99999999H", "35792M", "99999999M", "2147484S", "99999999S", "99999999m", "99999999u"])(
    "of the caller may be as far away as it likes: %s",
    async (timeout) => {
      rig = await startGrpc();
      const call = await open({ ...TOKEN, "grpc-timeout": timeout });
      call.end(framed(MESSAGE));
      expect(await answerOf(call)).toMatchObject({ "grpc-status": "0" });
    },
  );

  it("[C7] [A32] is not needed by a caller who cancels: its signal is aborted, and it is recorded so", async () => {
    const begun = Promise.withResolvers<undefined>();
    const aborted = Promise.withResolvers<unknown>();
    rig = await startGrpc({
      issue: (_request, signal) => {
        signal.addEventListener("abort", () => {
          aborted.resolve(signal.reason);
        });
        begun.resolve(undefined);
        return hang(signal);
      },
    });
    const call = await open(TOKEN);
    call.end(framed(MESSAGE));
    await begun.promise;
    call.close(constants.NGHTTP2_CANCEL);
    expect(await aborted.promise).toMatchObject({ reason: "CALLER_GONE" });
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ status: 499, reason: "CALLER_GONE", grpc: { code: 1 } }]);
  });
});

describe("a stream of HTTP/2", () => {
  const foreign: readonly [string, Readonly<Record<string, string>>][] = [
    ["has JSON", { "content-type": "application/json" }],
    ["has no content type", { "content-type": "" }],
    ["is gRPC for browsers", { "content-type": "application/grpc-web+proto" }],
    ["has gRPC in JSON", { "content-type": "application/grpc+json" }],
  ];
  it.each(foreign)("is refused with 415 when it %s", async (_says, headers) => {
    rig = await startGrpc();
    const stream = await open(headers);
    stream.end("{}");
    expect(await answerOf(stream)).toMatchObject({ ":status": 415 });
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ method: "POST", status: 415, reason: "UNSUPPORTED_MEDIA_TYPE" }]);
    // Nobody called anything.
    expect(rig.events[0]).not.toHaveProperty("grpc");
  });

  it.each(["application/grpc", "application/grpc+proto", "application/grpc; charset=utf-8"])(
    "is a call when it has %s",
    async (type) => {
      rig = await startGrpc();
      const stream = await open({ ...TOKEN, "content-type": type });
      stream.end(framed(MESSAGE));
      expect(await answerOf(stream)).toMatchObject({ "grpc-status": "0" });
    },
  );

  it("is no call by another method than POST", async () => {
    rig = await startGrpc();
    const stream = await open({ ":method": "PUT" });
    stream.end(framed(MESSAGE));
    expect(await answerOf(stream)).toMatchObject({ "grpc-status": "12" });
  });

  it.each(["gzip", "deflate", "br"])(
    "[C2] [C3] whose message is compressed by %s is refused, and nothing is inflated",
    async (encoding) => {
      rig = await startGrpc();
      const stream = await open({ "grpc-encoding": encoding });
      stream.end(framed(gzipSync(Buffer.alloc(64 * 1024 * 1024)), 1));
      expect(await answerOf(stream)).toMatchObject({ "grpc-status": "12", "grpc-accept-encoding": "identity" });
      await rig.recorded(1);
      expect(rig.events).toMatchObject([{ reason: "ENCODING_UNSUPPORTED" }]);
    },
  );

  it("whose message says that it is compressed, and not how, is not inflated either", async () => {
    rig = await startGrpc();
    const stream = await open({});
    stream.end(framed(gzipSync(Buffer.alloc(1024 * 1024)), 1));
    expect(await answerOf(stream)).toMatchObject({ "grpc-status": "3" });
  });

  const frames: readonly [string, Uint8Array][] = [
    ["no message", Buffer.alloc(0)],
    ["half a head", Buffer.alloc(3)],
    ["half a message", framed(MESSAGE).subarray(0, 9)],
    ["two messages", Buffer.concat([framed(MESSAGE), framed(MESSAGE)])],
    ["a message of 4 GiB that has just begun", Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3])],
  ];
  it.each(frames)("with %s is refused, and the connection goes on", async (_says, bytes) => {
    rig = await startGrpc();
    const stream = await open(TOKEN);
    stream.end(bytes);
    const { "grpc-status": status } = await answerOf(stream);
    expect(["3", "8", "12", "13"]).toContain(status);
    expect(rig.requests).toEqual([]);
    await rig.recorded(1);
    const next = await open(TOKEN);
    next.end(framed(MESSAGE));
    expect(await answerOf(next)).toMatchObject({ "grpc-status": "0" });
  });

  it("[C4] whose metadata have more than 64 KiB ends", async () => {
    rig = await startGrpc();
    const stream = await open({ padding: "x".repeat(100 * 1024) });
    stream.end(framed(MESSAGE));
    const answer = await answerOf(stream).catch(() => ({}));
    expect(answer).not.toHaveProperty("grpc-status", "0");
    expect(rig.requests).toEqual([]);
    await rig.ask(V2.getTrustBundle, {});
  });

  it("whose message does not come ends", async () => {
    rig = await startGrpc({ grpc: { limits: { requestTimeoutMs: 30 } } });
    const stream = await open(TOKEN);
    stream.write(framed(MESSAGE).subarray(0, 10));
    expect(await answerOf(stream)).toEqual({});
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    await rig.recorded(1);
    expect(rig.events).toMatchObject([{ status: 499, grpc: { code: 1 } }]);
  });

  it("whose answer is not taken ends", async () => {
    rig = await startGrpc({
      issue: () => Promise.resolve({ ...ISSUED, chainPem: ["x".repeat(200_000)] }),
      grpc: { limits: { stallTimeoutMs: 30 }, deadlineMs: 30 },
    });
    const stream = await open(TOKEN);
    stream.end(framed(MESSAGE));
    // Flow control keeps what is not read with the server.
    stream.pause();
    await once(stream, "close");
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });
});
