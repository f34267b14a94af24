import { Agent, request } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { setImmediate } from "node:timers/promises";
import type { HttpCall } from "./call.ts";

/** An answer over HTTP, before anything is made of it. */
export interface HttpAnswer {
  readonly status: number;
  /** Lower-case name to value; fields of one name are joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

// A refusal may close the connection, and what the next request then meets is no answer to it.
const agent = new Agent({ keepAlive: false });
const PIECE_BYTES = 64 * 1024;

/**
 * Sends a request exactly as it is described; a body that expects `100 Continue` (RFC 9110 §10.1.1) waits for it.
 *
 * @param url scheme, host and port
 */
export function sendHttp(url: string, { method, path, headers, body }: HttpCall): Promise<HttpAnswer> {
  const { hostname, port, host } = new URL(url);
  const isFramed = headers.some(([name]) => name === "Transfer-Encoding");
  const length = body === undefined || isFramed ? [] : [["Content-Length", String(body.length)]];
  const fields = [["Host", host], ...headers, ...length];
  return new Promise((resolve, reject) => {
    const call = request({ agent, hostname, port, method, path, headers: fields.flat() });
    let answered = false;
    call.once("response", (response) => {
      answered = true;
      readAnswer(response).then(resolve, reject);
    });
    // A server that refuses a body may reset the connection after its answer.
    call.on("error", (error) => {
      if (!answered) reject(error);
    });
    const send = (): void => void writeBody(call, body ?? new Uint8Array(0), () => answered);
    if (headers.some(([name, value]) => name === "Expect" && value === "100-continue"))
      call.once("continue", send).flushHeaders();
    else send();
  });
}

/** Writes piece by piece until there is an answer, which is lost when more is written to a closed connection. */
async function writeBody(call: ClientRequest, body: Uint8Array, isAnswered: () => boolean): Promise<void> {
  for (let at = 0; at < body.length && !isAnswered(); at += PIECE_BYTES) {
    call.write(body.subarray(at, at + PIECE_BYTES));
    await setImmediate();
  }
  if (!isAnswered()) call.end();
}

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const headers = new Map<string, string>();
  for (let at = 0; at < response.rawHeaders.length; at += 2) {
    const name = response.rawHeaders[at]!.toLowerCase();
    const value = response.rawHeaders[at + 1]!;
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { status: response.statusCode!, headers, text: Buffer.concat(chunks).toString("utf8") };
}
