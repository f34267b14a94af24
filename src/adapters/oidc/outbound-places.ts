/** Runs work when there is a place for it; waits for one no longer than until the signal is aborted. */
type Run = <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

/** Fetches at once, over all issuers, and of those to one host. */
export interface OutboundLimits {
  readonly total: number;
  readonly perHost: number;
}

/** One slow host holds two places, and a thousand cold issuers do not open a thousand connections. */
export const OUTBOUND_LIMITS: OutboundLimits = { total: 16, perHost: 2 };

/** The places that all issuers share. */
export interface OutboundPlaces {
  /**
   * Runs `work` when there is a place for one more fetch, first come, first served.
   *
   * @param host name and port
   * @throws the signal's reason when it is aborted before; whatever `work` throws
   */
  run<T>(host: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

/** Makes the places of one verifier. */
export function makeOutboundPlaces({ total, perHost }: OutboundLimits = OUTBOUND_LIMITS): OutboundPlaces {
  const all = makePlaces(total);
  const hosts = new Map<string, { readonly run: Run; users: number }>();
  return {
    async run(name, signal, work) {
      const host = hosts.get(name) ?? { run: makePlaces(perHost), users: 0 };
      hosts.set(name, host);
      host.users++;
      try {
        // The host's place first: who waits for a slow host must not keep one of the places of all.
        return await host.run(signal, () => all(signal, work));
      } finally {
        if (--host.users === 0) hosts.delete(name);
      }
    },
  };
}

function makePlaces(most: number): Run {
  const queue = new Set<() => void>();
  let taken = 0;
  const wait = async (signal: AbortSignal): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => {
      resolve(undefined);
    };
    queue.add(wake);
    signal.addEventListener("abort", wake);
    await promise;
    signal.removeEventListener("abort", wake);
    // Still queued: it was the signal, and no place was handed over.
    if (queue.delete(wake)) signal.throwIfAborted();
  };
  return async (signal, work) => {
    signal.throwIfAborted();
    if (taken < most) taken++;
    else await wait(signal);
    try {
      return await work();
    } finally {
      const [next] = queue;
      if (next === undefined) taken--;
      else {
        queue.delete(next);
        next();
      }
    }
  };
}
