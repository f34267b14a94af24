import { createPrivateKey } from "node:crypto";
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { prepareRequests } from "./requests.ts";

const ANSWER_LIMIT_MS = 30_000;
const HEAD_END = Buffer.from("\r\n\r\n");

/** What the load process is asked to prepare. Then it says `"ready"`, waits for `"go"` and answers with a result. */
export interface LoadOrder {
  readonly host: string;
  readonly port: number;
  readonly concurrency: number;
  readonly count: number;
  readonly issuer: { readonly url: string; readonly kid: string; readonly keyPem: string };
}

/** What callers saw. */
export interface LoadResult {
  readonly seconds: number;
  /** Of each answered request, from its first byte written to the last byte read, milliseconds. */
  readonly latenciesMs: readonly number[];
  /** First lines of answers that were no certificate. */
  readonly failures: readonly string[];
}

interface Answer {
  readonly status: number;
  readonly keepAlive: boolean;
  readonly body: string;
}

/** A complete response at the start of `bytes`, or undefined as long as some of it is missing. */
function parseAnswer(bytes: Buffer): Answer | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;
  const head = bytes.toString("latin1", 0, headEnd).toLowerCase();
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/u.exec(head)?.[1];
  if (length === undefined) return { status, keepAlive: false, body: "an answer without a length" };
  const end = headEnd + HEAD_END.length + Number(length);
  if (bytes.length < end) return undefined;
  const keepAlive = !/\r\nconnection: *close/u.test(head);
  return { status, keepAlive, body: bytes.toString("utf8", headEnd + HEAD_END.length, end) };
}

/** Sends one request on an open connection; as little work as an HTTP caller can do, to leave the cores to the server. */
async function exchange(socket: Socket, request: Uint8Array): Promise<Answer> {
  const answers = new Promise<Answer>((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const answer = parseAnswer(received);
      if (answer !== undefined) resolve(answer);
    });
    socket.once("error", reject);
    socket.once("close", () => {
      reject(new Error("the connection ended before the answer"));
    });
  });
  socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy(new Error("no answer in 30 s")));
  socket.write(request);
  try {
    return await answers;
  } finally {
    for (const event of ["data", "error", "close", "timeout"]) socket.removeAllListeners(event);
  }
}

async function connect(host: string, port: number): Promise<Socket> {
  const socket = createConnection({ host, port, noDelay: true });
  await once(socket, "connect");
  return socket;
}

/** Sends all requests from `concurrency` keep-alive callers, each of which waits for its answer before the next. */
async function runLoad({ host, port, concurrency }: LoadOrder, requests: readonly Uint8Array[]): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const failures: string[] = [];
  const queue = requests.values();
  const caller = async (): Promise<void> => {
    let socket: Socket | undefined;
    for (const request of queue) {
      try {
        socket ??= await connect(host, port);
        const sent = performance.now();
        const { status, keepAlive, body } = await exchange(socket, request);
        if (status >= 300 || !body.includes("BEGIN CERTIFICATE")) throw new Error(`${String(status)} ${body}`);
        latenciesMs.push(performance.now() - sent);
        if (keepAlive) continue;
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
      socket?.destroy();
      socket = undefined;
    }
    socket?.destroy();
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: concurrency }, caller));
  return { seconds: (performance.now() - started) / 1000, latenciesMs, failures };
}

const send = (message: unknown): void => {
  if (process.send === undefined) throw new Error("load.ts is started by run.ts");
  process.send(message);
};

process.once("message", (order: LoadOrder) => {
  const { url, kid, keyPem } = order.issuer;
  const issuer = { url, kid, key: createPrivateKey(keyPem) };
  const requests = prepareRequests(issuer, `${order.host}:${String(order.port)}`, order.count);
  process.once("message", () => {
    void runLoad(order, requests).then((result) => {
      send(result);
      process.disconnect();
    });
  });
  send("ready");
});
