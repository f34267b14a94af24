/** What callers saw. */
export interface LoadResult {
  readonly seconds: number;
  /** Of each answered request, from its first byte written to the last byte read, milliseconds. */
  readonly latenciesMs: readonly number[];
  /** First lines of answers that were no certificate. */
  readonly failures: readonly string[];
}

/** One caller, with a connection that it keeps. */
export interface Caller {
  /** Opens the connection unless it is open. */
  connect(): Promise<unknown>;
  /** Sends a request; rejects when its answer is no certificate. */
  sign(request: Uint8Array): Promise<void>;
  close(): void;
}

/** Sends all requests from `concurrency` callers, each of which waits for its answer before the next. */
export async function runCallers(
  concurrency: number,
  requests: readonly Uint8Array[],
  makeCaller: () => Caller,
): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const failures: string[] = [];
  const queue = requests.values();
  const call = async (): Promise<void> => {
    const caller = makeCaller();
    for (const request of queue) {
      try {
        await caller.connect();
        const sent = performance.now();
        await caller.sign(request);
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
