import { HttpCaller } from "./http-caller.ts";
import { prepareRequests, type HttpVersion, type RequestTarget } from "./requests.ts";
import { runCallers, type Caller } from "./run-callers.ts";
import { takeOrder } from "./take-order.ts";

/** What the callers are asked to prepare; the answer is a `LoadResult`. */
export interface LoadOrder extends RequestTarget {
  readonly concurrency: number;
  readonly count: number;
  /** Version 2 when left out. */
  readonly version?: HttpVersion;
}

function makeCaller({ host, port }: LoadOrder): Caller {
  const caller = new HttpCaller(host, port);
  return {
    connect: () => caller.connect(),
    sign: async (request) => {
      const { status, body } = await caller.send(request);
      if (status >= 300 || !body.includes("BEGIN CERTIFICATE")) throw new Error(`${String(status)} ${body}`);
    },
    close: () => {
      caller.close();
    },
  };
}

takeOrder((order: LoadOrder) => {
  const requests = prepareRequests(order, order.count, order.version);
  return () => runCallers(order.concurrency, requests, () => makeCaller(order));
});
