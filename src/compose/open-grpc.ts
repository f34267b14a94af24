import type { Config } from "../config/schema.ts";
import type { GrpcServer, GrpcServerDeps } from "../grpc/grpc-server.ts";

/** What the API over gRPC is made of, but for its settings. */
export type GrpcParts = Omit<GrpcServerDeps, "limits" | "reflection">;

/** Makes the API over gRPC, which nothing is loaded of unless it is asked for. */
export async function makeGrpc(settings: Config["grpc"], parts: GrpcParts): Promise<GrpcServer | undefined> {
  if (settings === undefined) return undefined;
  const { makeGrpcServer } = await import("../grpc/grpc-server.ts");
  const { reflection, connectionIdleSeconds, connectionAgeSeconds } = settings;
  return makeGrpcServer({
    ...parts,
    reflection,
    limits: { maxConnectionIdleMs: connectionIdleSeconds * 1_000, maxConnectionAgeMs: connectionAgeSeconds * 1_000 },
  });
}
