import { answerOfGrpc, answerOfHttp } from "./answer.ts";
import type { Answer } from "./answer.ts";
import type { Call } from "./call.ts";
import { sendGrpc } from "./send-grpc.ts";
import { sendHttp } from "./send-http.ts";

/** Where a server answers. */
export interface Server {
  readonly url: string;
  /** What clients of gRPC are given for version 2, and for version 1. */
  readonly grpcTarget: string;
  readonly legacyGrpcTarget: string;
}

/** Sends a call to a server and gives what is compared of its answer. */
export async function send(server: Server, call: Call, issuerUrl: string): Promise<Answer> {
  if (call.kind === "http") return answerOfHttp(await sendHttp(server.url, call), issuerUrl);
  const target = call.method.includes(".v1beta.") ? server.legacyGrpcTarget : server.grpcTarget;
  return answerOfGrpc(call.method, await sendGrpc(target, call), issuerUrl);
}
