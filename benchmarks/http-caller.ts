import { once } from "node:events";
import { createConnection, type Socket } from "node:net";

const ANSWER_LIMIT_MS = 30_000;
const HEAD_END = Buffer.from("\r\n\r\n");

/** One HTTP answer, as far as a benchmark looks at it. */
export interface Answer {
  readonly status: number;
  /** From the Retry-After header field; undefined when there is none, or one that is no number of seconds. */
  readonly retryAfterSeconds: number | undefined;
  readonly body: string;
}

interface ParsedAnswer extends Answer {
  readonly keepAlive: boolean;
}

/** A caller with one keep-alive connection; as little work as HTTP can be, to leave the cores to the server. */
export class HttpCaller {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  /** Opens the connection unless it is open. */
  async connect(): Promise<Socket> {
    if (this.#socket !== undefined) return this.#socket;
    const socket = createConnection({ host: this.#host, port: this.#port, noDelay: true });
    await once(socket, "connect");
    this.#socket = socket;
    return socket;
  }

  /**
   * Sends a request, over a new connection when the last answer closed the one before.
   *
   * @throws Error when the connection cannot be had, or ends before the answer
   */
  async send(request: Uint8Array): Promise<Answer> {
    try {
      const answer = await exchange(await this.connect(), request);
      if (!answer.keepAlive) this.close();
      return answer;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Closes the connection; the next request opens another one. */
  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

async function exchange(socket: Socket, request: Uint8Array): Promise<ParsedAnswer> {
  const answers = new Promise<ParsedAnswer>((resolve, reject) => {
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

/** A complete response at the start of `bytes`, or undefined as long as some of it is missing. */
function parseAnswer(bytes: Buffer): ParsedAnswer | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;
  const head = `${bytes.toString("latin1", 0, headEnd).toLowerCase()}\r\n`;
  const status = Number(head.slice(9, 12));
  const retryAfter = /\r\nretry-after: *(\d+)\r\n/u.exec(head)?.[1];
  const retryAfterSeconds = retryAfter === undefined ? undefined : Number(retryAfter);
  const length = /\r\ncontent-length: *(\d+)/u.exec(head)?.[1];
  if (length === undefined) {
    return { status, retryAfterSeconds, keepAlive: false, body: "an answer without a length" };
  }
  const end = headEnd + HEAD_END.length + Number(length);
  if (bytes.length < end) return undefined;
  const keepAlive = !/\r\nconnection: *close/u.test(head);
  return { status, retryAfterSeconds, keepAlive, body: bytes.toString("utf8", headEnd + HEAD_END.length, end) };
}
