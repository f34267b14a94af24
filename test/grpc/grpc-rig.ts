import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { CallOptions, ServiceError } from "@grpc/grpc-js";
import { UNLIMITED } from "../../src/adapters/limits/open-rate-limits.ts";
import { makeClientAddress, makePeerName } from "../../src/entrance/client-address.ts";
import { CA as CA_V2 } from "../../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import { ErrorInfoSchema, RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.ts";
import { makeGrpcServer } from "../../src/grpc/grpc-server.ts";
import type { GrpcServerDeps } from "../../src/grpc/grpc-server.ts";
import { makeListener, makeRouter } from "../../src/http/listener.ts";
import { makeHttpServer } from "../../src/http/server.ts";
import type { CloseReport, HttpServerOptions } from "../../src/http/server.ts";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { IssueCertificate } from "../../src/core/issuance-types.ts";
import { makeRig } from "../http/public-app.ts";
import type { Rig } from "../http/public-app.ts";
import type { TestTlsPair } from "../support/tls-pair.ts";

/** The service that is asked. */
export const V2 = CA_V2.method;

/** How a server of a test differs from the plain one, which has a port of its own. */
export interface GrpcRigOptions {
  readonly issue?: IssueCertificate;
  readonly grpc?: Partial<GrpcServerDeps>;
  readonly server?: Partial<HttpServerOptions>;
  /** Also the HTTP API on the port. */
  readonly onePort?: boolean;
  readonly tls?: TestTlsPair;
}

/** What a caller was told. */
export interface Told {
  readonly code: number;
  readonly message: string;
  readonly reason: string | undefined;
  readonly retrySeconds: number | undefined;
  readonly metadata: Metadata;
}

/** A server on loopback whose issuance is a function of the test, and callers of it. */
export interface GrpcRig extends Rig {
  readonly port: number;
  /** Asks, by a client of grpc-js that is closed with the rig. */
  readonly ask: <I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    message: MessageInitShape<I>,
    options?: AskOptions,
  ) => Promise<MessageShape<O>>;
  /** Asks with any bytes, on any path. */
  readonly askRaw: (path: string, bytes: Uint8Array, options?: AskOptions) => Promise<Buffer>;
  readonly client: Client;
  readonly close: (drainMs?: number) => Promise<CloseReport>;
}

/** What goes with a message. */
export interface AskOptions extends CallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Starts one. */
export async function startGrpc(options: GrpcRigOptions = {}): Promise<GrpcRig> {
  const rig = makeRig(options.issue);
  const grpc = makeGrpcServer({
    generation: () => rig.generation,
    admission: rig.admission,
    rateLimits: { signing: UNLIMITED, failedTokens: UNLIMITED, reads: UNLIMITED },
    clientAddress: makeClientAddress([]),
    peerName: makePeerName([]),
    deadlineMs: 10_000,
    isReady: () => true,
    reflection: true,
    ...rig.exchange,
    ...options.grpc,
  });
  const { tls } = options;
  const server = makeHttpServer({
    listener: options.onePort === true ? rig.listener : makeListener(makeRouter(), rig.exchange),
    admission: rig.admission,
    exchange: rig.exchange,
    http2: grpc,
    prefersHttp2: options.onePort !== true,
    ...(tls === undefined ? {} : { tls: tlsSource(tls) }),
    ...options.server,
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const client = new Client(
    `localhost:${String(port)}`,
    tls === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(tls.certificate)),
  );
  const askRaw: GrpcRig["askRaw"] = (path, bytes, { metadata = {}, ...call } = {}) =>
    new Promise((resolve, reject) => {
      const fields = new Metadata();
      for (const [name, value] of Object.entries(metadata)) fields.add(name, value);
      client.makeUnaryRequest(path, asItIs, asItIs, Buffer.from(bytes), fields, call, (error, answer) => {
        if (error !== null) reject(error);
        else resolve(answer!);
      });
    });
  return {
    ...rig,
    port,
    client,
    askRaw,
    ask: async (method, message, asked) => {
      const path = `/${method.parent.typeName}/${method.name}`;
      const bytes = await askRaw(path, toBinary(method.input, create(method.input, message)), asked);
      return fromBinary(method.output, bytes);
    },
    close: async (drainMs = 1_000) => {
      const report = await server.close({ drainMs });
      client.close();
      return report;
    },
  };
}

const asItIs = (bytes: Buffer): Buffer => bytes;

/** A certificate as a server takes it, which never changes. */
export function tlsSource({ certificate, key }: TestTlsPair): NonNullable<HttpServerOptions["tls"]> {
  return {
    pair: { certificate, key, notAfterMs: Infinity, fingerprint: "" },
    onChange: () => undefined,
    telemetry: { handshakeFailed: () => undefined },
  };
}

/** What a call was refused with; fails when it was not. */
export async function refusalOf(asked: Promise<unknown>): Promise<Told> {
  const error = await asked.then(
    () => {
      throw new Error("the call was granted");
    },
    (reason: unknown) => reason as ServiceError,
  );
  const { details: message, metadata } = error;
  const code: number = error.code;
  const [bytes] = metadata.get("grpc-status-details-bin");
  const status = bytes === undefined ? undefined : fromBinary(StatusSchema, Buffer.from(bytes));
  const infos = (status?.details ?? [])
    .map((any) => anyUnpack(any, ErrorInfoSchema))
    .filter((info) => info !== undefined);
  const retries = (status?.details ?? [])
    .map((any) => anyUnpack(any, RetryInfoSchema))
    .filter((retry) => retry !== undefined);
  if (status !== undefined && (status.code !== code || status.message !== message)) {
    throw new Error("status and details differ");
  }
  const seconds = retries[0]?.retryDelay?.seconds;
  return {
    code,
    message,
    reason: infos[0]?.reason,
    retrySeconds: seconds === undefined ? undefined : Number(seconds),
    metadata,
  };
}

/** Code and reason of a refusal. */
export async function told(asked: Promise<unknown>): Promise<{ code: number; reason: string | undefined }> {
  const { code, reason } = await refusalOf(asked);
  return { code, reason };
}
