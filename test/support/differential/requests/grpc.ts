import { pemOf } from "../../caller-keys.ts";
import { keys } from "../../refused-proofs.ts";
import { proofBy } from "../../signing-body.ts";
import type { Entrance, GrpcCall, HeaderField } from "../call.ts";
import type { DifferentialRequest } from "../request.ts";
import { lengthDelimited, message, signingCall, varint } from "../signing-call.ts";
import type { TokenSource } from "../token-source.ts";

const p256 = keys["ecdsa-p256"];
const FIELDS = { publicKey: pemOf(p256.publicKey), proof: proofBy(p256) };
const V2 = "/dev.sigstore.fulcio.v2.CA";
const V1 = "/dev.sigstore.fulcio.v1beta.CA";
const EMPTY = Buffer.alloc(0);

/** A good message of an entrance, without token. */
const good = (entrance: Entrance): Buffer => {
  const call = signingCall(entrance, FIELDS);
  return call.kind === "grpc" ? Buffer.from(call.message) : EMPTY;
};

interface GrpcParts {
  readonly method?: string;
  readonly metadata?: readonly HeaderField[];
  readonly message?: Uint8Array;
}

/** A call by its parts; a good signing call without its token unless told. */
function grpc(
  entrance: "grpc-v1" | "grpc-v2",
  name: string,
  parts: (source: TokenSource) => GrpcParts,
  rows: readonly string[] = [],
): DifferentialRequest {
  const method = `${entrance === "grpc-v2" ? V2 : V1}/CreateSigningCertificate`;
  const call = (source: TokenSource): GrpcCall => {
    return { kind: "grpc", method, metadata: [], message: good(entrance), ...parts(source) };
  };
  return {
    name,
    entrances: [entrance],
    rows: () => rows,
    call: (_entrance, source) => call(source),
  };
}

const token = (source: TokenSource): HeaderField => ["oidcidentitytoken", source.token()];

const v2 = (
  name: string,
  parts: (source: TokenSource) => GrpcParts,
  rows: readonly string[] = [],
): DifferentialRequest => grpc("grpc-v2", name, parts, rows);

/** A signing call of version 2 with a good token in its metadata, and this message. */
const binary = (name: string, bytes: Uint8Array, rows: readonly string[] = []): DifferentialRequest =>
  v2(name, (source) => ({ metadata: [token(source)], message: bytes }), rows);

const read = (
  name: string,
  method: string,
  bytes: Uint8Array = EMPTY,
  rows: readonly string[] = [],
): DifferentialRequest =>
  grpc(method.startsWith(V1) ? "grpc-v1" : "grpc-v2", name, () => ({ method, message: bytes }), rows);

const GOOD = good("grpc-v2");
const CSR = lengthDelimited(3, Buffer.from("nonsense"));
const text = (value: string): Buffer => Buffer.from(value);

/** Messages in protobuf's binary format, and what only calls of gRPC have. */
export const GRPC_CALLS: readonly DifferentialRequest[] = [
  binary("an empty message", EMPTY),
  binary("a good message", GOOD),
  binary("an unknown field behind it", message(GOOD, lengthDelimited(99, text("x")), varint(98, 300))),
  binary("half a message", GOOD.subarray(0, 100), ["message that cannot be read"]),
  binary("bytes that are no message", Buffer.of(0xff, 0xff, 0xff, 0xff), ["message that cannot be read"]),
  binary("field number 0", message(Buffer.of(0x02, 0x00), GOOD), ["message that cannot be read"]),
  binary("a field of another wire type", message(varint(2, 1), GOOD), ["fields of another wire type"]),
  binary("a group that does not end", message(GOOD, Buffer.of(0x9b, 0x06)), ["message that cannot be read"]),
  binary("a text that is no UTF-8", lengthDelimited(2, lengthDelimited(1, lengthDelimited(2, Buffer.of(0xff)))), [
    "message that cannot be read",
  ]),
  binary("a key, then a certification request", message(GOOD, CSR)),
  binary("a certification request, then a key", message(CSR, GOOD)),
  binary("a key twice, in parts", message(GOOD.subarray(0, 0), GOOD, lengthDelimited(2, EMPTY))),
  binary(
    "an algorithm of no enum",
    lengthDelimited(2, message(lengthDelimited(1, varint(1, 99)), lengthDelimited(2, FIELDS.proof))),
  ),
  binary("a message of 100 KiB", message(lengthDelimited(99, Buffer.alloc(60_000)), GOOD)),
  binary("a message of 200 KiB", message(lengthDelimited(99, Buffer.alloc(200_000)), GOOD), ["size of a message"]),
  binary("a message of 5 MiB", message(lengthDelimited(99, Buffer.alloc(5 << 20)), GOOD), ["size of a message"]),
  v2("two tokens in the metadata", (source) => ({ metadata: [token(source), token(source)] })),
  v2("a token and an empty one in the metadata", (source) => ({
    metadata: [token(source), ["oidcidentitytoken", ""]],
  })),
  v2("an empty token in the metadata", () => ({ metadata: [["oidcidentitytoken", ""]] })),
  v2("a scheme in front of the token", (source) => ({ metadata: [["oidcidentitytoken", `Bearer ${source.token()}`]] })),
  v2("the token as authorization", (source) => ({ metadata: [["authorization", `Bearer ${source.token()}`]] }), [
    "metadata `authorization`",
  ]),
  v2(
    "the token, and another as authorization",
    (source) => ({ metadata: [token(source), ["authorization", "Bearer a.b.c"]] }),
    ["metadata `authorization`"],
  ),
  v2("a request id", (source) => ({ metadata: [token(source), ["x-request-id", "abc"]] })),
  v2("metadata that nobody knows", (source) => ({
    metadata: [token(source), ["x-unknown", "x"], ["x-unknown-bin", "AQID"]],
  })),
  grpc(
    "grpc-v1",
    "the token as authorization to version 1",
    (source) => ({ metadata: [["authorization", `Bearer ${source.token()}`]] }),
    ["metadata `authorization`"],
  ),
  grpc("grpc-v1", "an empty message to version 1", (source) => ({ metadata: [token(source)], message: EMPTY })),
  grpc(
    "grpc-v1",
    "half a message to version 1",
    (source) => ({
      metadata: [token(source)],
      message: good("grpc-v1").subarray(0, 50),
    }),
    ["message that cannot be read"],
  ),
  grpc("grpc-v1", "a certification request beside the key", (source) => ({
    metadata: [token(source)],
    message: message(good("grpc-v1"), CSR),
  })),
  read("a trust bundle", `${V2}/GetTrustBundle`),
  read("a trust bundle, with unknown fields", `${V2}/GetTrustBundle`, lengthDelimited(5, text("x"))),
  read("a trust bundle for half a message", `${V2}/GetTrustBundle`, Buffer.of(0x0a, 0x05), [
    "message that cannot be read",
  ]),
  read("the configuration", `${V2}/GetConfiguration`),
  read("the roots of version 1", `${V1}/GetRootCertificate`),
  read("the health", "/grpc.health.v1.Health/Check"),
  read(
    "the health of a service",
    "/grpc.health.v1.Health/Check",
    lengthDelimited(1, text("dev.sigstore.fulcio.v2.CA")),
  ),
  read("the health of no service", "/grpc.health.v1.Health/Check", lengthDelimited(1, text("nonsense")), [
    "health of a service",
  ]),
  read("a method that there is not", `${V2}/Nothing`, EMPTY, ["unknown methods"]),
  read("a method in other letters", `${V2}/getTrustBundle`, EMPTY, ["unknown methods"]),
  read("a service that there is not", "/dev.sigstore.fulcio.v9.CA/GetTrustBundle", EMPTY, ["unknown methods"]),
  read("no service at all", "/nothing", EMPTY, ["unknown methods"]),
  read("the path of HTTP", "/api/v2/trustBundle", EMPTY, ["unknown methods"]),
];
