import { Counter, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import type { GrpcOutcome } from "../../ports/telemetry.ts";

/** google.rpc.Code by number, spelled as the metrics of Go's servers spell them, Fulcio's among them. */
const CODES = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

/** Makes the metrics of calls; they are there from the first call on, so that only who serves gRPC has them. */
export function makeGrpcMetrics(registry: Registry): (outcome: GrpcOutcome, durationMs: number) => void {
  let observe: ReturnType<typeof register> | undefined;
  return (outcome, durationMs) => {
    observe ??= register(registry);
    observe(outcome, durationMs);
  };
}

function register(registry: Registry): (outcome: GrpcOutcome, durationMs: number) => void {
  const registers = [registry];
  const handled = new Counter({
    name: "grpc_server_handled_total",
    help: "Calls of gRPC that are over, by how they ended",
    labelNames: ["grpc_service", "grpc_method", "grpc_code"],
    registers,
  });
  const seconds = new Histogram({
    name: "grpc_server_handling_seconds",
    help: "Duration of calls of gRPC",
    labelNames: ["grpc_service", "grpc_method"],
    registers,
  });
  return ({ service, method, code }, durationMs) => {
    const labels = { grpc_service: service, grpc_method: method };
    handled.inc({ ...labels, grpc_code: CODES[code] ?? "Unknown" });
    seconds.observe(labels, durationMs / 1_000);
  };
}
