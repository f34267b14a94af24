import { HttpCaller } from "./http-caller.ts";
import { prepareRequests, type RequestTarget } from "./requests.ts";
import { takeOrder } from "./take-order.ts";

/** What the callers are asked to prepare; the answer is a {@link LoadResult}. */
export interface LoadOrder extends RequestTarget {
  readonly concurrency: number;
  readonly count: number;
}

/** What callers saw. */
export interface LoadResult {
  readonly seconds: number;
  /** Of each answered request, from its first byte written to the last byte read, milliseconds. */
  readonly latenciesMs: readonly number[];
  /** First lines of answers that were no certificate. */
  readonly failures: readonly string[];
}

/** Sends all requests from `concurrency` keep-alive callers, each of which waits for its answer before the next. */
async function runLoad({ host, port, concurrency }: LoadOrder, requests: readonly Uint8Array[]): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const failures: string[] = [];
  const queue = requests.values();
  const call = async (): Promise<void> => {
    const caller = new HttpCaller(host, port);
    for (const request of queue) {
      try {
        await caller.connect();
        const sent = performance.now();
        const { status, body } = await caller.send(request);
        if (status >= 300 || !body.includes("BEGIN CERTIFICATE")) throw new Error(`${String(status)} ${body}`);
        latenciesMs.push(performance.now() - sent);
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
        caller.close();
      }
    }
    caller.close();
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: concurrency }, call));
  return { seconds: (performance.now() - started) / 1000, latenciesMs, failures };
}

takeOrder((order: LoadOrder) => {
  const requests = prepareRequests(order, order.count);
  return () => runLoad(order, requests);
});
