import { fromBinary, toJson } from "@bufbuild/protobuf";
import type { DescMessage } from "@bufbuild/protobuf";
import { anyUnpack, EmptySchema } from "@bufbuild/protobuf/wkt";
import {
  ConfigurationSchema,
  SigningCertificateSchema,
  TrustBundleSchema,
} from "../../../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import { HttpBodySchema } from "../../../src/gen/google/api/httpbody_pb.ts";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.ts";
import { HealthCheckResponseSchema } from "../../../src/gen/grpc/health/v1/health_pb.ts";
import type { GrpcAnswer } from "./send-grpc.ts";
import type { HttpAnswer } from "./send-http.ts";

/**
 * What is compared of an answer: `status`, `header NAME`, and each value of the body by its path, such as
 * `body.chains.0.certificates.1`. Certificates are replaced by a word, their white space stays.
 */
export type Answer = Readonly<Record<string, string>>;

/** Of the transfer and its moment, not of the answer. */
const TRANSFER = new Set(["connection", "content-length", "date", "keep-alive", "transfer-encoding"]);

const PEM = /-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----/gu;

/**
 * What an answer over HTTP comes to.
 *
 * @param issuerUrl the issuer's URL of this run, which a word replaces
 */
export function answerOfHttp({ status, headers, text: sent }: HttpAnswer, issuerUrl: string): Answer {
  const text = sent.replaceAll(issuerUrl, "(issuer)");
  const answer: Record<string, string> = { status: String(status) };
  for (const [name, value] of headers) if (!TRANSFER.has(name)) answer[`header ${name}`] = value;
  if (text === "") return answer;
  const body = parseJson(text);
  return { ...answer, ...(body === undefined ? { body: withoutCertificates(text) } : answerOfJson(body)) };
}

const RESPONSES: Readonly<Record<string, DescMessage>> = {
  "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate": SigningCertificateSchema,
  "/dev.sigstore.fulcio.v2.CA/GetTrustBundle": TrustBundleSchema,
  "/dev.sigstore.fulcio.v2.CA/GetConfiguration": ConfigurationSchema,
  "/dev.sigstore.fulcio.v1beta.CA/CreateSigningCertificate": HttpBodySchema,
  "/dev.sigstore.fulcio.v1beta.CA/GetRootCertificate": HttpBodySchema,
  "/grpc.health.v1.Health/Check": HealthCheckResponseSchema,
};

const DETAILS = "grpc-status-details-bin";

/**
 * What an answer over gRPC comes to: metadata as header fields, and code, text and message as a body, in the words of
 * HTTP.
 */
export function answerOfGrpc(method: string, { code, text, metadata, message }: GrpcAnswer, issuerUrl: string): Answer {
  const answer: Record<string, string> = {};
  for (const [name, value] of metadata) {
    if (name === DETAILS) answer["body.details"] = detailsIn(value);
    else if (!TRANSFER.has(name)) answer[`header ${name}`] = String(value);
  }
  if (code !== 0) return { ...answer, "body.code": String(code), "body.message": withoutInput(text) };
  return { ...answer, ...contentOf(RESPONSES[method] ?? EmptySchema, message ?? Buffer.alloc(0), issuerUrl) };
}

function contentOf(schema: DescMessage, bytes: Uint8Array, issuerUrl: string): Answer {
  if (schema.typeName === HttpBodySchema.typeName) {
    const { contentType, data } = fromBinary(HttpBodySchema, bytes);
    return { "body.contentType": contentType, body: withoutCertificates(Buffer.from(data).toString()) };
  }
  const text = JSON.stringify(toJson(schema, fromBinary(schema, bytes), { alwaysEmitImplicit: true }));
  return answerOfJson(JSON.parse(text.replaceAll(issuerUrl, "(issuer)")));
}

/** As the JSON of an answer over HTTP has them. */
function detailsIn(value: string | Buffer): string {
  const { details } = fromBinary(StatusSchema, Buffer.from(value));
  return JSON.stringify(
    details.map((detail) => {
      const info = anyUnpack(detail, ErrorInfoSchema);
      return { "@type": detail.typeUrl, ...(info && { reason: info.reason, domain: info.domain }) };
    }),
  );
}

/** The values in a JSON body by their paths. */
export function answerOfJson(body: unknown): Answer {
  const answer: Record<string, string> = {};
  collect(body, "body", answer);
  return answer;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function collect(value: unknown, path: string, answer: Record<string, string>): void {
  // One value to whoever reads it: the second side of the one difference that every refusal has.
  if (path === "body.details") answer[path] = JSON.stringify(value);
  else if (path === "body.issuers" && Array.isArray(value))
    for (const [at, issuer] of sorted(value).entries()) collect(issuer, `${path}.${String(at)}`, answer);
  else if (typeof value === "object" && value !== null) {
    const members = Object.entries(value);
    if (members.length === 0) answer[path] = JSON.stringify(value);
    for (const [name, member] of members) collect(member, `${path}.${name}`, answer);
  } else if (typeof value !== "string") answer[path] = JSON.stringify(value);
  else answer[path] = path === "body.message" ? withoutInput(value) : withoutCertificates(value);
}

/** Go's decoders quote what they were given; that of protobuf also varies its spaces from build to build. */
function withoutInput(message: string): string {
  if (message.startsWith("proto:")) return "proto: (the decoder's text)";
  const [line = ""] = message.split("\n");
  // It names one of two fields by chance.
  return line.replace(/^header key "[^"]*"/u, "header key (one of two)").replace(/\(\d+ vs/u, "(size vs");
}

/** Fulcio lists issuers in an order that changes with each answer. */
const sorted = (issuers: readonly unknown[]): unknown[] =>
  issuers.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

const withoutCertificates = (text: string): string => text.replaceAll(PEM, "(certificate)");
