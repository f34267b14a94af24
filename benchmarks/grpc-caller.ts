import { once } from "node:events";
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import type { Caller } from "./run-callers.ts";

const HEADERS = {
  ":method": "POST",
  ":path": "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate",
  "content-type": "application/grpc",
  te: "trailers",
};
const ANSWER_LIMIT_MS = 30_000;

/** A caller of gRPC with one connection; as little work as HTTP/2 can be, to leave the cores to the server. */
export class GrpcCaller implements Caller {
  readonly #url: string;
  #session: ClientHttp2Session | undefined;

  constructor(host: string, port: number) {
    this.#url = `http://${host}:${String(port)}`;
  }

  async connect(): Promise<ClientHttp2Session> {
    const open = this.#session;
    if (open !== undefined && !open.closed && !open.destroyed) return open;
    const session = connect(this.#url);
    // What a connection breaks of is seen by the request at work on it.
    session.on("error", () => undefined);
    this.#session = session;
    await once(session, "connect");
    return session;
  }

  /** @param message bytes of a CreateSigningCertificateRequest */
  async sign(message: Uint8Array): Promise<void> {
    const stream = (await this.connect()).request(HEADERS);
    const answer = new Promise<void>((resolve, reject) => {
      const received: Buffer[] = [];
      let status = "no answer";
      const note = (headers: IncomingHttpHeaders): void => {
        if (headers["grpc-status"] === undefined) return;
        status = `${String(headers["grpc-status"])} ${String(headers["grpc-message"] ?? "")}`;
      };
      stream.on("response", note).on("trailers", note);
      stream.on("data", (chunk: Buffer) => received.push(chunk));
      stream.once("error", reject).once("close", () => {
        const body = Buffer.concat(received).toString("latin1");
        if (status.startsWith("0 ") && body.includes("BEGIN CERTIFICATE")) resolve();
        else reject(new Error(status));
      });
    });
    stream.setTimeout(ANSWER_LIMIT_MS, () => {
      stream.destroy(new Error("no answer in 30 s"));
    });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([head, message]));
    await answer;
  }

  close(): void {
    this.#session?.close();
    this.#session = undefined;
  }
}
