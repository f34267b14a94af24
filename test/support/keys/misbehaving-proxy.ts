import { createServer, request as requestHttp, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** What the proxy does to requests whose path it is told. */
export type ProxyFault =
  | "hang"
  | "reset"
  | "status-429"
  | "status-500"
  | "truncated-answer"
  | "not-json"
  | "flipped-signature"
  | "replayed-signature";

/** A proxy in front of a key service that speaks HTTP: it passes everything on, later or not as it was. */
export interface MisbehavingProxy {
  readonly address: string;
  /** From now on, for requests whose path has this in it; undefined ends it. */
  misbehave(fault: ProxyFault | undefined, within?: string): void;
  /** Kept back before it is passed on, milliseconds. */
  delayMs: number;
  readonly counts: { requests: number; underWay: number; mostUnderWay: number };
  close(): Promise<void>;
}

/** Starts one on a free port of loopback. */
export async function startMisbehavingProxy(upstream: string): Promise<MisbehavingProxy> {
  const counts = { requests: 0, underWay: 0, mostUnderWay: 0 };
  let wanted: { readonly fault: ProxyFault | undefined; readonly within: string } = { fault: undefined, within: "" };
  let replayed: Buffer | undefined;
  const server = createServer((incoming, outgoing) => {
    counts.requests++;
    counts.underWay++;
    counts.mostUnderWay = Math.max(counts.mostUnderWay, counts.underWay);
    let isUnderWay = true;
    const end = (): void => {
      if (isUnderWay) counts.underWay--;
      isUnderWay = false;
    };
    outgoing.once("close", end);
    void serve(incoming, outgoing, end).catch(() => outgoing.destroy());
  });
  /** A call ends with the first byte of its answer: its caller may send the next one before the connection says so. */
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse, end: () => void): Promise<void> => {
    const body = await readAll(incoming);
    const { fault, within } = wanted;
    const faulty = (incoming.url ?? "").includes(within) ? fault : undefined;
    if (proxy.delayMs > 0) await pause(proxy.delayMs);
    if (faulty === "hang") return;
    if (faulty === "reset") {
      incoming.socket.destroy();
      return;
    }
    if (faulty === "status-429") {
      outgoing.writeHead(429, { "retry-after": "3" }).end('{"errors":["rate limit"]}');
      return;
    }
    if (faulty === "status-500") {
      outgoing.writeHead(500).end("oops");
      return;
    }
    const answer = await passOn(new URL(incoming.url ?? "/", upstream), incoming, body);
    if ((incoming.url ?? "").includes("/sign/")) replayed ??= answer.body;
    end();
    outgoing.writeHead(answer.status, { "content-type": "application/json" });
    switch (faulty) {
      case "truncated-answer":
        outgoing.end(answer.body.subarray(0, answer.body.length / 2));
        break;
      case "not-json":
        outgoing.end("<html></html>");
        break;
      case "flipped-signature":
        outgoing.end(flipped(answer.body));
        break;
      case "replayed-signature":
        outgoing.end(replayed ?? answer.body);
        break;
      default:
        outgoing.end(answer.body);
    }
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: MisbehavingProxy = {
    address: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    misbehave: (fault, within = "") => {
      wanted = { fault, within };
    },
    delayMs: 0,
    counts,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** Another letter in the middle of the base64 behind `vN:`. */
function flipped(body: Buffer): Buffer {
  const text = body.toString();
  const at = (/:v[0-9]+:/u.exec(text)?.index ?? 0) + 40;
  return Buffer.from(`${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`);
}

async function passOn(
  url: URL,
  { method, headers }: IncomingMessage,
  body: Buffer,
): Promise<{ readonly status: number; readonly body: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const passed = requestHttp(url, { method, headers: { ...headers, host: url.host } });
  passed.once("response", resolve).once("error", reject).end(body);
  const response = await promise;
  return { status: response.statusCode ?? 502, body: await readAll(response) };
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
