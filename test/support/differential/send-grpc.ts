import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { GrpcCall } from "./call.ts";

/** An answer over gRPC, before anything is made of it. */
export interface GrpcAnswer {
  /** google.rpc.Code; 0 for one with a message. */
  readonly code: number;
  /** Of the status. */
  readonly text: string;
  /** What came in front of the message and behind it, by lower-case name; values of one name are joined by a comma. */
  readonly metadata: ReadonlyMap<string, string | Buffer>;
  readonly message: Buffer | undefined;
}

const DEADLINE_MS = 30_000;
const asItIs = (bytes: Buffer): Buffer => bytes;

/**
 * Sends a call by a client of grpc-js, whose message nothing reads before the server does.
 *
 * @param target `host:port`, or `unix:path`
 */
export async function sendGrpc(target: string, { method, metadata, message }: GrpcCall): Promise<GrpcAnswer> {
  const client = new Client(target, credentials.createInsecure());
  const sent = new Metadata();
  for (const [name, value] of metadata) sent.add(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
  const came = new Map<string, string | Buffer>();
  try {
    return await new Promise((resolve) => {
      let answer: Buffer | undefined;
      const options = { deadline: Date.now() + DEADLINE_MS };
      const call = client.makeUnaryRequest(
        method,
        asItIs,
        asItIs,
        Buffer.from(message),
        sent,
        options,
        (_error, value) => {
          answer = value;
        },
      );
      call.on("metadata", (initial) => {
        keep(initial, came);
      });
      call.on("status", ({ code, details, metadata: trailing }) => {
        keep(trailing, came);
        // The message is handed over right after the status.
        setImmediate(() => {
          resolve({ code, text: details, metadata: came, message: answer });
        });
      });
    });
  } finally {
    client.close();
  }
}

function keep(metadata: Metadata, into: Map<string, string | Buffer>): void {
  for (const name of Object.keys(metadata.getMap())) {
    const values = metadata.get(name);
    into.set(name, typeof values[0] === "string" ? values.join(", ") : (values[0] ?? ""));
  }
}
