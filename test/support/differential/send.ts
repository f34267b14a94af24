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

/** What a server makes of a call. */
export interface Reply {
  readonly answer: Answer;
  /** PEM of the certificate that was issued; undefined unless one was asked for and came. */
  readonly leaf: string | undefined;
}

/** Sends a call to a server and gives what is compared of its answer, and the certificate in it. */
export async function send(server: Server, call: Call, issuerUrl: string): Promise<Reply> {
  if (call.kind === "http") {
    const reply = await sendHttp(server.url, call);
    const leaf = call.path.endsWith("/signingCert") ? firstCertificate(reply.text) : undefined;
    return { answer: answerOfHttp(reply, issuerUrl), leaf };
  }
  const target = call.method.includes(".v1beta.") ? server.legacyGrpcTarget : server.grpcTarget;
  const reply = await sendGrpc(target, call);
  // Protobuf holds texts and bytes as they are.
  const leaf = call.method.endsWith("/CreateSigningCertificate")
    ? firstCertificate(reply.message?.toString("latin1") ?? "")
    : undefined;
  return { answer: answerOfGrpc(call.method, reply, issuerUrl), leaf };
}

/** The leaf comes first at every entrance; in JSON its line breaks are escaped. */
function firstCertificate(text: string): string | undefined {
  return /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/su.exec(text)?.[0].replaceAll(String.raw`\n`, "\n");
}
