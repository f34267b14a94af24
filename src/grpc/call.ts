import type { Metadata } from "@grpc/grpc-js";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { describeCauses, isOurFault, MayflyError } from "../core/errors.ts";
import type { Reason } from "../core/errors.ts";
import type { ClientAddress } from "../entrance/client-address.ts";
import { chooseRequestId } from "../entrance/request-id.ts";
import type { Clock } from "../ports/clock.ts";
import type { RequestEvent, Telemetry } from "../ports/telemetry.ts";
import { describeError } from "../wire/errors.ts";
import { callerGone } from "../entrance/request-deadline.ts";

/** A call as it came, before anything of its message was read. */
export interface CallStart {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** As they came: name, value, name, value …; of fields that may come once, `headers` has the first one only. */
  readonly rawHeaders: readonly string[];
}

/** gRPC over HTTP/2: messages of protobuf's binary format, which is also meant where none is named. */
const GRPC_TYPE = /^application\/grpc(?:\+proto)?[\t ]*(?:;|$)/iu;

/** Whether a stream carries a call of gRPC at all, and not a request of plain HTTP. */
export const isGrpc = ({ headers }: CallStart): boolean => GRPC_TYPE.test(headers["content-type"] ?? "");

/** One call on its way to an answer: what there is to say about it, gathered while it runs. */
export interface Call extends CallStart {
  readonly requestId: string;
  /** Whose limits it counts for. */
  readonly client: string;
  /** Why the call was refused or failed. */
  error?: MayflyError;
  /** Lower-case hex, of the certificate that was issued. */
  serialNumber?: string;
  logIndex?: number;
}

/** A method by its two names; both are `unknown` when there is no such method. */
export interface MethodName {
  readonly service: string;
  readonly method: string;
}

/** What calls are recorded with. */
export interface CallDeps {
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, "request">;
  /** A new identifier, at most 128 visible ASCII characters; for calls that bring none. */
  readonly requestId: () => string;
  readonly clientAddress: ClientAddress;
}

/** Key under which grpc-js carries a {@link Call} from the stream to its handler. */
const CALL = "mayfly-call";

/** Starts the record of a call; exactly one telemetry event follows when its stream is closed. */
export function openCall(start: CallStart, name: MethodName | undefined, deps: CallDeps): Call {
  const { stream, headers } = start;
  const call: Call = {
    ...start,
    requestId: chooseRequestId(headers["x-request-id"], deps.requestId),
    client: deps.clientAddress({ headers, socket: stream.session?.socket ?? {} }),
  };
  const startedMs = deps.clock.monotonic();
  stream.once("close", () => {
    deps.telemetry.request(describeCall(call, name, deps.clock.monotonic() - startedMs));
  });
  return call;
}

/** Has grpc-js carry a call to its handler. */
export function attachCall(metadata: Metadata, call: Call): void {
  metadata.setOpaque(CALL, call);
}

/** The call that a handler is given. */
export function attachedCall(metadata: Metadata): Call {
  const call = metadata.getOpaque(CALL);
  // The one place that reads what `attachCall` alone writes.
  if (call === undefined) throw new TypeError("a call without a record");
  return call as Call;
}

const UNKNOWN: MethodName = { service: "unknown", method: "unknown" };

function describeCall(call: Call, name: MethodName | undefined, durationMs: number): RequestEvent {
  const { requestId, serialNumber, logIndex } = call;
  const code = sentCode(call.stream);
  const { service, method } = name ?? UNKNOWN;
  return {
    requestId,
    method: call.headers[":method"] ?? "",
    route: name === undefined ? "other" : `/${service}/${method}`,
    durationMs,
    ...(isGrpc(call) && { grpc: { service, method, code: code ?? CANCELED } }),
    ...describeOutcome(call.error ?? (code === 0 ? undefined : refusedByLibrary(code))),
    ...(serialNumber !== undefined && { serialNumber }),
    ...(logIndex !== undefined && { logIndex }),
  };
}

function describeOutcome(error: MayflyError | undefined): Pick<RequestEvent, "code" | "detail" | "reason" | "status"> {
  if (error === undefined) return { status: 200 };
  const { code, reason } = error;
  const { status } = describeError(error);
  return { status, code, reason, ...(isOurFault(code) && { detail: describeCauses(error) }) };
}

const CANCELED = 1;

/** The google.rpc.Code that went out, with or without a message before it; undefined when none did. */
export function sentCode({ sentHeaders, sentTrailers }: ServerHttp2Stream): number | undefined {
  // Until they are sent there are none, which Node's types do not know.
  const fields: readonly (Readonly<Record<string, unknown>> | undefined)[] = [sentTrailers, sentHeaders];
  const code = fields.map((sent) => sent?.["grpc-status"]).find((value) => value !== undefined);
  return code === undefined ? undefined : Number(code);
}

/** What grpc-js refuses by itself, before or beside a handler. */
const BY_LIBRARY: ReadonlyMap<number | undefined, Reason> = new Map<number, Reason>([
  [4, "CALLER_DEADLINE"],
  [8, "BODY_TOO_LARGE"],
]);

function refusedByLibrary(code: number | undefined): MayflyError {
  if (code === undefined) return callerGone();
  return new MayflyError(BY_LIBRARY.get(code) ?? "MESSAGE_MALFORMED", "refused before its handler");
}
