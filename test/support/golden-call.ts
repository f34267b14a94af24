import { fromBinary, fromJsonString, toBinary } from "@bufbuild/protobuf";
import { CreateSigningCertificateRequestSchema as V1RequestSchema } from "../../src/gen/dev/sigstore/fulcio/v1beta/fulcio_legacy_pb.ts";
import {
  CreateSigningCertificateRequestSchema,
  SigningCertificateSchema,
} from "../../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import { HttpBodySchema } from "../../src/gen/google/api/httpbody_pb.ts";
import type { GrpcCall } from "./differential/call.ts";
import type { GoldenRequest } from "./golden-requests.ts";

const LENIENT = { ignoreUnknownFields: true };

/** The same request over gRPC, as a gateway in front would make it: message by message, the token's header as metadata. */
export function grpcCallOf({ path, headers, body }: GoldenRequest): GrpcCall {
  const metadata = headers
    .filter(([name]) => name.toLowerCase() === "authorization")
    .map(([, value]) => ["authorization", value] as const);
  return path === "/api/v1/signingCert"
    ? {
        kind: "grpc",
        method: "/dev.sigstore.fulcio.v1beta.CA/CreateSigningCertificate",
        metadata,
        message: toBinary(V1RequestSchema, fromJsonString(V1RequestSchema, body, LENIENT)),
      }
    : {
        kind: "grpc",
        method: "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate",
        metadata,
        message: toBinary(
          CreateSigningCertificateRequestSchema,
          fromJsonString(CreateSigningCertificateRequestSchema, body, LENIENT),
        ),
      };
}

/** The certificates of the message that answers it, PEM, leaf first. */
export function pemsOfMessage({ path }: GoldenRequest, message: Uint8Array): readonly string[] {
  if (path === "/api/v1/signingCert") {
    const { contentType, data } = fromBinary(HttpBodySchema, message);
    if (contentType !== "application/pem-certificate-chain") throw new Error(`answered with ${contentType}`);
    return Buffer.from(data)
      .toString("utf8")
      .split(/(?<=-----END CERTIFICATE-----)\n/u);
  }
  const { certificate } = fromBinary(SigningCertificateSchema, message);
  if (certificate.case !== "signedCertificateEmbeddedSct") throw new Error(`answered with ${String(certificate.case)}`);
  return certificate.value.chain?.certificates ?? [];
}
