import type { Config } from "../config/schema.ts";
import type { GrpcServer, GrpcServerDeps } from "../grpc/grpc-server.ts";

/** What the API over gRPC is made of, but for its settings. */
export type GrpcParts = Omit<GrpcServerDeps, "limits" | "reflection">;

/** Makes the API over gRPC, which nothing is loaded of unless it is asked for. */
export async function makeGrpc(
  { grpc, limits }: Pick<Config, "grpc" | "limits">,
  parts: GrpcParts,
): Promise<GrpcServer | undefined> {
  if (grpc === undefined) return undefined;
  const { makeGrpcServer } = await import("../grpc/grpc-server.ts");
  return makeGrpcServer({
    ...parts,
    reflection: grpc.reflection,
    limits: {
      maxConnectionIdleMs: grpc.connectionIdleSeconds * 1_000,
      maxConnectionAgeMs: grpc.connectionAgeSeconds * 1_000,
      // A call takes what a request over HTTP takes, of which a connection has one at a time.
      maxCalls: limits.connections,
      maxCallsPerAddress: limits.connectionsPerAddress,
    },
  });
}
