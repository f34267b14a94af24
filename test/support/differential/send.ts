import { answerOfHttp } from "./answer.ts";
import type { Answer } from "./answer.ts";
import type { Call } from "./call.ts";
import { sendHttp } from "./send-http.ts";

/** Where a server answers. */
export interface Server {
  readonly url: string;
}

/** Sends a call to a server and gives what is compared of its answer. */
export async function send(server: Server, call: Call, issuerUrl: string): Promise<Answer> {
  if (call.kind === "http") return answerOfHttp(await sendHttp(server.url, call), issuerUrl);
  throw new RangeError("no server here answers over gRPC");
}
