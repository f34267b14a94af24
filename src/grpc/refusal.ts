import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import type { MayflyError } from "../core/errors.ts";
import { ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";
import { describeError } from "../wire/errors.ts";
import type { ErrorDescription } from "../wire/errors.ts";

/** A refusal as a caller over gRPC hears of it. */
export interface Refusal {
  readonly code: status;
  readonly message: string;
  /** A google.rpc.Status with the reason, and when to come again; for `grpc-status-details-bin`. */
  readonly details: Uint8Array;
}

/** By their numbers, which are those of google.rpc.Code. */
const CODES: readonly status[] = Object.values(status).filter((value) => typeof value === "number");

/** The same words and the same reason as over HTTP; only what is too large has a code of its own (gRPC, status codes). */
export function describeRefusal(error: MayflyError): Refusal {
  const description = describeError(error);
  const { message } = description;
  const code = error.code === "too_large" ? status.RESOURCE_EXHAUSTED : (CODES[description.grpcCode] ?? status.UNKNOWN);
  const whole = create(StatusSchema, { code, message, details: packDetails(description) });
  return { code, message, details: toBinary(StatusSchema, whole) };
}

function packDetails({ reason, retryAfterSeconds }: ErrorDescription): Any[] {
  const info = anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain: "mayfly" }));
  if (retryAfterSeconds === undefined) return [info];
  const retryDelay = { seconds: BigInt(retryAfterSeconds), nanos: 0 };
  return [info, anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay }))];
}
