import { Metadata } from "@grpc/grpc-js";
import type { handleUnaryCall, sendUnaryData, Server } from "@grpc/grpc-js";
import { fromBinary } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, MessageShape } from "@bufbuild/protobuf";
import { MayflyError } from "../core/errors.ts";
import { shuttingDown } from "../entrance/admission.ts";
import type { Admission } from "../entrance/admission.ts";
import type { PaceRefusal } from "../entrance/refusal-pacing.ts";
import { attachedCall } from "./call.ts";
import type { Call, MethodName } from "./call.ts";
import { describeRefusal } from "./refusal.ts";

/** What a handler knows of the call that it answers. */
export interface CallInHand {
  readonly call: Call;
  /** Bytes of the message, bounded in size, and nothing known about them. */
  readonly request: Uint8Array;
  /** Until the caller's own deadline, milliseconds; `Infinity` when it named none. */
  readonly remainingMs: number;
}

/** A method with one message each way. */
export interface UnaryMethod {
  readonly name: MethodName;
  /** Makes the bytes of the answer; a throw or rejection becomes a refusal. */
  readonly answer: (inHand: CallInHand) => Uint8Array | Promise<Uint8Array>;
}

/** What answering takes beside the methods. */
export interface UnaryDeps {
  readonly admission: Pick<Admission, "isClosed">;
  readonly pace: PaceRefusal;
}

/** The two names of a method of ours. */
export const nameOf = ({ parent, name }: DescMethod): MethodName => ({ service: parent.typeName, method: name });

/** Its path in HTTP/2 (gRPC over HTTP/2). */
export const pathOf = ({ service, method }: MethodName): string => `/${service}/${method}`;

/**
 * Reads a message of protobuf's binary format. Unknown fields are ignored; text must be UTF-8.
 *
 * @throws MayflyError `malformed_request` (MESSAGE_MALFORMED)
 */
export function decodeMessage<S extends DescMessage>(schema: S, bytes: Uint8Array): MessageShape<S> {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (cause) {
    throw new MayflyError("MESSAGE_MALFORMED", `not a ${schema.typeName}`, { cause });
  }
}

/** Has a server answer a method. Messages stay bytes, so that nothing is read of them before the limits are asked. */
export function addUnaryMethod(server: Server, { name, answer }: UnaryMethod, deps: UnaryDeps): void {
  const handle: handleUnaryCall<Buffer, Buffer> = (surface, tell) => {
    const call = attachedCall(surface.metadata);
    const remainingMs = Number(surface.getDeadline()) - Date.now();
    const work = async (): Promise<Uint8Array> => {
      if (deps.admission.isClosed) throw shuttingDown();
      if (remainingMs <= 0) throw new MayflyError("CALLER_DEADLINE", "the caller's deadline has passed");
      return answer({ call, request: surface.request, remainingMs });
    };
    work().then(
      (message) => {
        surface.sendMetadata(answerMetadata(call));
        tell(null, Buffer.from(message));
      },
      (error: unknown) => {
        refuseCall(call, error, { tell, pace: deps.pace });
      },
    );
  };
  const asItIs = (bytes: Buffer): Buffer => bytes;
  server.register(pathOf({ ...name }), handle, asItIs, asItIs, "unary");
}

/** What every answer begins with. Messages are neither sent compressed nor taken so. */
export function answerMetadata({ requestId }: Call): Metadata {
  const metadata = new Metadata();
  metadata.set("x-request-id", requestId);
  metadata.set("grpc-accept-encoding", "identity");
  return metadata;
}

interface Telling {
  readonly tell: sendUnaryData<Buffer>;
  readonly pace: PaceRefusal;
}

function refuseCall(call: Call, error: unknown, { tell, pace }: Telling): void {
  const refusal =
    error instanceof MayflyError ? error : new MayflyError("UNEXPECTED", "a handler failed", { cause: error });
  call.error = refusal;
  pace(call.stream, refusal.reason, () => {
    const { code, message, details } = describeRefusal(refusal);
    const metadata = answerMetadata(call);
    metadata.set("grpc-status-details-bin", Buffer.from(details));
    tell({ code, details: message, metadata });
  });
}
