import { HttpCaller } from "./http-caller.ts";
import { takeOrder } from "./take-order.ts";

/** GETs to send; the answer is a {@link ReadResult}. */
export interface ReadOrder {
  readonly host: string;
  readonly port: number;
  readonly concurrency: number;
  readonly count: number;
  /** Path and query of each request, from the first again when all were sent. */
  readonly paths: readonly string[];
}

/** What readers saw. */
export interface ReadResult {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  /** Of answers other than 200. */
  readonly failures: readonly string[];
}

async function read(
  { host, port, concurrency, count, paths }: ReadOrder,
  requests: readonly Buffer[],
): Promise<ReadResult> {
  const latenciesMs: number[] = [];
  const failures: string[] = [];
  let sent = 0;
  const call = async (): Promise<void> => {
    const caller = new HttpCaller(host, port);
    while (sent < count) {
      const at = sent % paths.length;
      sent += 1;
      const request = requests[at];
      if (request === undefined) throw new RangeError("nothing to read");
      await caller.connect();
      const started = performance.now();
      const { status } = await caller.send(request);
      latenciesMs.push(performance.now() - started);
      if (status !== 200) failures.push(`${String(status)} for ${String(paths[at])}`);
    }
    caller.close();
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: concurrency }, call));
  return { seconds: (performance.now() - started) / 1_000, latenciesMs, failures };
}

takeOrder((order: ReadOrder) => {
  const { host, port } = order;
  const requests = order.paths.map((path) =>
    Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}:${String(port)}\r\n\r\n`),
  );
  return () => read(order, requests);
});
