import { create, toBinary } from "@bufbuild/protobuf";
import type { DescFile, DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { handleBidiStreamingCall, Server } from "@grpc/grpc-js";
import { MayflyError } from "../../core/errors.ts";
import { limitReads } from "../../entrance/limit-rates.ts";
import { file_dev_sigstore_fulcio_v1beta_fulcio_legacy as fulcioV1beta } from "../../gen/dev/sigstore/fulcio/v1beta/fulcio_legacy_pb.ts";
import { file_dev_sigstore_fulcio_v2_fulcio as fulcioV2 } from "../../gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import { file_google_rpc_error_details as errorDetails } from "../../gen/google/rpc/error_details_pb.ts";
import { file_google_rpc_status as status } from "../../gen/google/rpc/status_pb.ts";
import { file_grpc_health_v1_health as health } from "../../gen/grpc/health/v1/health_pb.ts";
import {
  file_grpc_reflection_v1_reflection as reflectionV1,
  ServerReflection,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import type { ServerReflectionRequest } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import {
  file_grpc_reflection_v1alpha_reflection as reflectionV1alpha,
  ServerReflection as ServerReflectionV1alpha,
} from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import type { RateLimits } from "../../ports/limits.ts";
import { answerMetadata, decodeMessage, nameOf, pathOf } from "../unary-method.ts";
import { attachedCall } from "../call.ts";
import { describeRefusal } from "../refusal.ts";

type Response = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

/** Files in which the services are written, and the details of refusals, which callers print by them. */
const FILES: readonly DescFile[] = [
  fulcioV2,
  fulcioV1beta,
  health,
  reflectionV1,
  reflectionV1alpha,
  status,
  errorDetails,
];

/** Full names of the services that there are. */
export const DESCRIBED_SERVICES: readonly string[] = FILES.flatMap(({ services }) =>
  services.map(({ typeName }) => typeName),
);

/** grpc.reflection.v1 and v1alpha: the same messages under two names. */
export const REFLECTION_METHODS = [ServerReflection, ServerReflectionV1alpha].map(({ method }) =>
  nameOf(method.serverReflectionInfo),
);

/** Has a server describe its services to whoever asks. */
export function addReflection(server: Server, { reads }: Pick<RateLimits, "reads">): void {
  const describe = makeDescribe(FILES);
  const handle: handleBidiStreamingCall<Buffer, Buffer> = (surface) => {
    const call = attachedCall(surface.metadata);
    surface.sendMetadata(answerMetadata(call));
    surface.on("data", (bytes: Buffer) => {
      try {
        limitReads(reads, call.client);
        // An answer has a hundred times the bytes of its question: further ones wait until the caller takes it.
        if (!surface.write(Buffer.from(describe(bytes)))) surface.pause();
      } catch (error) {
        call.error =
          error instanceof MayflyError ? error : new MayflyError("UNEXPECTED", "reflection failed", { cause: error });
        const { code, message, details } = describeRefusal(call.error);
        const metadata = answerMetadata(call);
        metadata.set("grpc-status-details-bin", Buffer.from(details));
        surface.emit("error", { code, details: message, metadata });
      }
    });
    surface.on("drain", () => {
      surface.resume();
    });
    surface.on("end", () => {
      surface.end();
    });
  };
  const asItIs = (bytes: Buffer): Buffer => bytes;
  for (const name of REFLECTION_METHODS) server.register(pathOf(name), handle, asItIs, asItIs, "bidi");
}

const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

/** Makes what answers one message of reflection. Both versions have the same bytes. */
function makeDescribe(files: readonly DescFile[]): (request: Uint8Array) => Uint8Array {
  const all = [...withDependencies(files)];
  const byName = new Map(all.map((file) => [`${file.name}.proto`, file]));
  const bySymbol = new Map(all.flatMap((file) => symbolsOf(file).map((symbol) => [symbol, file] as const)));
  const respond = ({ messageRequest: { case: kind, value } }: ServerReflectionRequest): Response => {
    switch (kind) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: DESCRIBED_SERVICES.map((name) => ({ name })) } };
      case "fileByFilename":
        return describeFile(byName.get(value));
      case "fileContainingSymbol":
        return describeFile(bySymbol.get(value));
      case "fileContainingExtension":
      case "allExtensionNumbersOfType":
        return errorResponse(NOT_FOUND, "there are no extensions");
      case undefined:
        return errorResponse(UNIMPLEMENTED, "not a question that can be answered");
    }
  };
  return (bytes) => {
    const originalRequest = decodeMessage(ServerReflectionRequestSchema, bytes);
    const { host: validHost } = originalRequest;
    const response = { validHost, originalRequest, messageResponse: respond(originalRequest) };
    return toBinary(ServerReflectionResponseSchema, create(ServerReflectionResponseSchema, response));
  };
}

function describeFile(file: DescFile | undefined): Response {
  if (file === undefined) return errorResponse(NOT_FOUND, "there is no such file or symbol");
  const fileDescriptorProto = [...withDependencies([file])].map(({ proto }) =>
    toBinary(FileDescriptorProtoSchema, proto),
  );
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function errorResponse(errorCode: number, errorMessage: string): Response {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

/** Each file once, before those that it imports. */
function withDependencies(files: readonly DescFile[], found = new Set<DescFile>()): ReadonlySet<DescFile> {
  for (const file of files) {
    if (found.has(file)) continue;
    found.add(file);
    withDependencies(file.dependencies, found);
  }
  return found;
}

function symbolsOf({ services, messages, enums }: DescFile): string[] {
  return [
    ...services.flatMap(({ typeName, methods }) => [typeName, ...methods.map(({ name }) => `${typeName}.${name}`)]),
    ...messages.flatMap(symbolsOfMessage),
    ...enums.map(({ typeName }) => typeName),
  ];
}

function symbolsOfMessage({ typeName, nestedMessages, nestedEnums }: DescMessage): string[] {
  return [typeName, ...nestedMessages.flatMap(symbolsOfMessage), ...nestedEnums.map((nested) => nested.typeName)];
}
