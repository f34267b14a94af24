import { setTimeout as sleep } from "node:timers/promises";
import { HttpCaller } from "./http-caller.ts";
import type { LoadOrder } from "./load.ts";
import type { LoneSample } from "./recovery.ts";
import { prepareRequests } from "./requests.ts";
import { takeOrder, type Tell } from "./take-order.ts";

/** What callers do when they are refused: try again at once, or after what Retry-After says and up to a second more. */
export type Manner = "at once" | "polite";

/**
 * What the callers are asked to prepare. They say `"ended"` when the load ends, from when on there is one lone caller, and
 * answer with an {@link OverloadResult} when that has its certificates.
 */
export interface OverloadOrder extends LoadOrder {
  readonly manner: Manner;
  /** The load ends with this many certificates, while all callers are still at it. */
  readonly count: number;
  /** Certificates for the lone caller. */
  readonly loneCount: number;
}

/** What callers saw. */
export interface OverloadResult {
  readonly load: CrowdResult;
  readonly lone: readonly LoneSample[];
}

/** What all callers saw until the load ended. Latencies are from the first byte written to the last read, milliseconds. */
export interface CrowdResult {
  readonly seconds: number;
  readonly acceptedMs: readonly number[];
  /** Answers 503 and 429. */
  readonly refusedMs: readonly number[];
  /** Refusals without a Retry-After in whole seconds. */
  readonly withoutRetryAfter: number;
  /** Everything else: broken connections, other answers. Also of requests that were under way when the load ended. */
  readonly failures: readonly string[];
  /** Certificates that were under way when the load ended. */
  readonly acceptedLate: number;
  /** Share of the time in which the callers' own process was busy; near 1, latencies are rather theirs. */
  readonly busyShare: number;
}

const MOST_JITTER_MS = 1_000;
const TELLING_LENGTH = 200;

/** Closed-loop callers over one supply of requests: whoever is refused keeps its request, which was not used up. */
class Crowd {
  readonly #order: OverloadOrder;
  readonly #supply: ArrayIterator<Uint8Array>;
  readonly #ended = new AbortController();
  readonly #acceptedMs: number[] = [];
  readonly #refusedMs: number[] = [];
  readonly #failures: string[] = [];
  #withoutRetryAfter = 0;
  #acceptedLate = 0;

  constructor(order: OverloadOrder, supply: readonly Uint8Array[]) {
    this.#order = order;
    this.#supply = supply.values();
  }

  /** Runs the load, calls `onEnd` at its end, and resolves when all that was under way then is answered too. */
  async run(onEnd: () => void): Promise<CrowdResult> {
    const { host, port, concurrency } = this.#order;
    const callers = Array.from({ length: concurrency }, () => new HttpCaller(host, port));
    // One after the other: this is about requests, not about how fast connections can be opened.
    for (const caller of callers) await caller.connect();
    const started = performance.now();
    const cpuBefore = process.cpuUsage();
    let [seconds, busyShare] = [0, 0];
    this.#ended.signal.addEventListener("abort", () => {
      seconds = (performance.now() - started) / 1000;
      const { user, system } = process.cpuUsage(cpuBefore);
      busyShare = (user + system) / 1e6 / seconds;
      onEnd();
    });
    await Promise.all(callers.map((caller) => this.#callOn(caller)));
    // Failures use up requests, so the load may end by itself.
    this.#ended.abort();
    return {
      seconds,
      busyShare,
      acceptedMs: this.#acceptedMs,
      refusedMs: this.#refusedMs,
      withoutRetryAfter: this.#withoutRetryAfter,
      failures: this.#failures,
      acceptedLate: this.#acceptedLate,
    };
  }

  async #callOn(caller: HttpCaller): Promise<void> {
    for (const request of this.#supply) {
      let isDone = false;
      while (!isDone && !this.#ended.signal.aborted) isDone = await this.#callOnce(caller, request);
      if (this.#ended.signal.aborted) break;
    }
    caller.close();
  }

  /** Whether the request is done with, by a certificate or by a failure. */
  async #callOnce(caller: HttpCaller, request: Uint8Array): Promise<boolean> {
    const sent = performance.now();
    try {
      const { status, retryAfterSeconds, body } = await caller.send(request);
      const latencyMs = performance.now() - sent;
      if (status === 503 || status === 429) {
        await this.#onRefused(latencyMs, retryAfterSeconds);
        return false;
      }
      if (status >= 300 || !body.includes("BEGIN CERTIFICATE")) throw new Error(`${String(status)} ${body}`);
      this.#onAccepted(latencyMs);
    } catch (error) {
      this.#failures.push((error instanceof Error ? error.message : String(error)).slice(0, TELLING_LENGTH));
    }
    return true;
  }

  #onAccepted(latencyMs: number): void {
    if (this.#ended.signal.aborted) {
      this.#acceptedLate++;
      return;
    }
    this.#acceptedMs.push(latencyMs);
    if (this.#acceptedMs.length === this.#order.count) this.#ended.abort();
  }

  async #onRefused(latencyMs: number, retryAfterSeconds: number | undefined): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#refusedMs.push(latencyMs);
    if (retryAfterSeconds === undefined) this.#withoutRetryAfter++;
    if (this.#order.manner === "at once") return;
    const waitMs = (retryAfterSeconds ?? 0) * 1000 + Math.random() * MOST_JITTER_MS;
    await sleep(waitMs, undefined, { signal: this.#ended.signal }).catch(() => undefined);
  }
}

/** One caller that sends one request after the other, a refused one again at once, until it has all its certificates. */
async function callAlone({ host, port }: OverloadOrder, requests: readonly Uint8Array[]): Promise<LoneSample[]> {
  const started = performance.now();
  const samples: LoneSample[] = [];
  const caller = new HttpCaller(host, port);
  for (const request of requests) {
    let latencyMs = Infinity;
    while (latencyMs === Infinity) {
      const sent = performance.now();
      const { status, body } = await caller.send(request);
      const answered = performance.now();
      if (body.includes("BEGIN CERTIFICATE")) latencyMs = answered - sent;
      else if (status !== 503 && status !== 429) throw new Error(`${String(status)} ${body}`);
      samples.push({ atMs: answered - started, latencyMs });
    }
  }
  caller.close();
  return samples;
}

/** The load, and the lone caller from its end on. */
async function overload(order: OverloadOrder, requests: readonly Uint8Array[], tell: Tell): Promise<OverloadResult> {
  const lone = Promise.withResolvers<LoneSample[]>();
  const load = await new Crowd(order, requests.slice(order.loneCount)).run(() => {
    void tell("ended");
    callAlone(order, requests.slice(0, order.loneCount)).then(lone.resolve, lone.reject);
  });
  return { load, lone: await lone.promise };
}

takeOrder((order: OverloadOrder) => {
  const { count, concurrency, loneCount } = order;
  // When the load ends, each caller may hold a request beside those that got a certificate.
  const requests = prepareRequests(order, loneCount + count + concurrency);
  return (tell) => overload(order, requests, tell);
});
