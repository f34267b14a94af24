import { logVerbosity, Server, ServerInterceptingCall, setLogVerbosity } from "@grpc/grpc-js";
import type { ServerOptions } from "@grpc/grpc-js";
import type { Socket } from "node:net";
import type { Admission } from "../entrance/admission.ts";
import type { PeerName } from "../entrance/client-address.ts";
import { limitReads } from "../entrance/limit-rates.ts";
import { makeRefusalPacing } from "../entrance/refusal-pacing.ts";
import type { Generation } from "../issuance/generation.ts";
import type { RateLimits } from "../ports/limits.ts";
import { CallPlaces } from "./call-places.ts";
import { attachCall, isGrpc, openCall } from "./call.ts";
import type { Call, CallDeps, MethodName } from "./call.ts";
import { checkCall } from "./check-call.ts";
import { injectInto } from "./injected-server.ts";
import { refuseForeignStream, refuseStream } from "./refuse-stream.ts";
import { fulcioV1beta } from "./services/fulcio-v1beta.ts";
import { fulcioV2 } from "./services/fulcio-v2.ts";
import { health } from "./services/health.ts";
import { addReflection, DESCRIBED_SERVICES, REFLECTION_METHODS } from "./services/reflection.ts";
import { Sessions } from "./sessions.ts";
import type { SessionTimes } from "./sessions.ts";
import { makeSign } from "./sign.ts";
import { boundTimeout } from "./timeout.ts";
import { addUnaryMethod, pathOf } from "./unary-method.ts";

/** Bounds on messages, connections and times. */
export interface GrpcLimits {
  /** As over HTTP; what exceeds it is refused with RESOURCE_EXHAUSTED. */
  readonly maxMessageBytes: number;
  /** Calls at once on one connection. */
  readonly maxStreams: number;
  /** Calls at once, of all connections together. */
  readonly maxCalls: number;
  /** Of one client address. */
  readonly maxCallsPerAddress: number;
  /** A connection without a call is closed after this. */
  readonly maxConnectionIdleMs: number;
  /** A connection is closed after this, give or take a tenth, so that callers spread over the processes that there are. */
  readonly maxConnectionAgeMs: number;
  /** Beyond that for the calls at work on it. */
  readonly connectionAgeGraceMs: number;
  /** Beyond that for the caller to end its side of the connection; also to take the end of a call that was cut. */
  readonly lingerMs: number;
  /** From a call's header to the end of its message. */
  readonly requestTimeoutMs: number;
  /** Beyond a call's deadline for the caller to take the answer. */
  readonly stallTimeoutMs: number;
}

/** What a server is given unless its maker says otherwise. */
export const GRPC_LIMITS: GrpcLimits = {
  maxMessageBytes: 128 * 1024,
  maxStreams: 100,
  maxCalls: 2_000,
  maxCallsPerAddress: Infinity,
  maxConnectionIdleMs: 75_000,
  maxConnectionAgeMs: 600_000,
  connectionAgeGraceMs: 30_000,
  lingerMs: 5_000,
  requestTimeoutMs: 15_000,
  stallTimeoutMs: 30_000,
};

/** What the API over gRPC needs. */
export interface GrpcServerDeps extends CallDeps {
  /** The configuration in force; asked once per call. */
  readonly generation: () => Generation;
  readonly admission: Admission;
  readonly rateLimits: Pick<RateLimits, "failedTokens" | "reads" | "signing">;
  /** Names the other end of a connection, for the limit on its calls. */
  readonly peerName: PeerName;
  /** From a signing call's whole message to its answer, milliseconds. */
  readonly deadlineMs: number;
  /** Whether a signing call would get its certificate, as far as the process can tell. */
  readonly isReady: () => boolean;
  /** Whether callers may ask which services and messages there are. */
  readonly reflection: boolean;
  readonly limits?: Partial<GrpcLimits>;
}

/** The API over gRPC; connections are accepted, and TLS is ended, by somebody else. */
export interface GrpcServer {
  /** Takes a connection whose next bytes are HTTP/2's preface (RFC 9113 §3.4). */
  take(socket: Socket): void;
  /** Calls that are not over. */
  readonly busy: number;
  /** Resolves when no call is at work; at once when none is. */
  idle(): Promise<void>;
  /** Tells callers to go elsewhere with further calls, and closes each connection behind its last one. */
  closeAfterAnswers(): void;
  /** Cuts what is left. */
  destroy(): void;
}

/** Fulcio's API, both versions, with health and reflection. */
export function makeGrpcServer(deps: GrpcServerDeps): GrpcServer {
  const limits = { ...GRPC_LIMITS, ...deps.limits };
  // What grpc-js would write to standard error names metadata, tokens among them.
  setLogVerbosity(logVerbosity.NONE);
  let opening: Call | undefined;
  const server = new Server({ ...optionsOf(limits), interceptors: [carry(() => opening)] });
  const methods = addMethods(server, deps);
  const injected = injectInto(server);
  const sessions = new Sessions(deps.clock, timesOf(limits, deps));
  const places = new CallPlaces(limits, deps.peerName);
  const taking = { rateLimits: deps.rateLimits, places };
  injected.onSession((session) => {
    sessions.add(session);
    places.add(session);
  });
  injected.onStream((start, answer) => {
    sessions.begin(start.stream);
    const name = methods.get(start.headers[":path"] ?? "");
    const call = openCall(start, name, deps);
    if (!isGrpc(start)) refuseForeignStream(call);
    else if (isTaken(call, name, taking)) {
      opening = call;
      answer();
      opening = undefined;
    }
  });
  return {
    take: (socket) => {
      sessions.take(socket, () => {
        injected.take(socket);
      });
    },
    get busy() {
      return sessions.busy;
    },
    idle: () => sessions.idle(),
    closeAfterAnswers: () => {
      sessions.closeAfterAnswers();
    },
    destroy: () => {
      sessions.destroy();
      injected.close();
    },
  };
}

/** Methods by their paths. */
function addMethods(server: Server, deps: GrpcServerDeps): ReadonlyMap<string, MethodName> {
  const fulcio = { ...deps, sign: makeSign(deps) };
  const unary = [...fulcioV2(fulcio), ...fulcioV1beta(fulcio), health(servicesOf(deps), deps.isReady)];
  const answering = { admission: deps.admission, pace: makeRefusalPacing(deps.clock) };
  for (const method of unary) addUnaryMethod(server, method, answering);
  if (deps.reflection) addReflection(server, deps.rateLimits);
  const names = [...unary.map(({ name }) => name), ...(deps.reflection ? REFLECTION_METHODS : [])];
  return new Map(names.map((name) => [pathOf(name), name]));
}

interface Taking extends Pick<GrpcServerDeps, "rateLimits"> {
  readonly places: CallPlaces;
}

/** Full names of the services that are offered. */
const servicesOf = ({ reflection }: GrpcServerDeps): readonly string[] =>
  DESCRIBED_SERVICES.filter((name) => reflection || !REFLECTION_METHODS.some(({ service }) => service === name));

/** Whether a call may have a handler; one that may not has been refused. */
function isTaken(call: Call, name: MethodName | undefined, { rateLimits, places }: Taking): boolean {
  try {
    if (name === undefined) limitReads(rateLimits.reads, call.client);
    checkCall(call, name);
    boundTimeout(call.headers);
    places.take(call.stream);
    return true;
  } catch (error) {
    refuseStream(call, error);
    return false;
  }
}

function timesOf(limits: GrpcLimits, { deadlineMs }: GrpcServerDeps): SessionTimes {
  const { requestTimeoutMs, stallTimeoutMs, maxConnectionAgeMs, connectionAgeGraceMs, lingerMs } = limits;
  return {
    lingerMs,
    requestMs: requestTimeoutMs,
    answerMs: deadlineMs + stallTimeoutMs,
    // Its age may be a tenth more.
    connectionMs: maxConnectionAgeMs * 1.1 + connectionAgeGraceMs + lingerMs,
  };
}

type Interceptor = NonNullable<ServerOptions["interceptors"]>[number];

/** Gives each handler the record of its call. Interceptors are made while their stream is handed to grpc-js. */
function carry(opening: () => Call | undefined): Interceptor {
  return (_method, next) => {
    const call = opening();
    return new ServerInterceptingCall(next, {
      start: (begin) => {
        begin({
          onReceiveMetadata: (metadata, hand) => {
            if (call !== undefined) attachCall(metadata, call);
            hand(metadata);
          },
        });
      },
    });
  };
}

function optionsOf(limits: GrpcLimits): ServerOptions {
  return {
    "grpc.max_receive_message_length": limits.maxMessageBytes,
    "grpc.max_concurrent_streams": limits.maxStreams,
    "grpc.max_connection_idle_ms": limits.maxConnectionIdleMs,
    "grpc.max_connection_age_ms": limits.maxConnectionAgeMs,
    "grpc.max_connection_age_grace_ms": limits.connectionAgeGraceMs,
    // MB of one connection, as Node would bound it by itself.
    "grpc-node.max_session_memory": 10,
    // Bookkeeping for a service that is not offered.
    "grpc.enable_channelz": 0,
  };
}
