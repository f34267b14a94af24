/** Runs work when there is a place for it; waits for one no longer than until the signal is aborted. */
type Run = <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

/** Fetches at once, over all issuers, of those that only patterns name, and of those to one host. */
export interface OutboundLimits {
  readonly total: number;
  readonly ofPatterns: number;
  readonly perHost: number;
}

/**
 * One slow host holds two places, and a thousand cold issuers do not open a thousand connections. Strangers name the hosts
 * below a pattern, and may bring up any number that hang: there are always places left for issuers that the operator named.
 */
export const OUTBOUND_LIMITS: OutboundLimits = { total: 16, ofPatterns: 8, perHost: 2 };

/** Whose place it is. */
export interface Outbound {
  /** Name and port. */
  readonly host: string;
  /** Whether only a pattern names the issuer. */
  readonly isOfPattern: boolean;
}

/** The places that all issuers share. */
export interface OutboundPlaces {
  /**
   * Runs `work` when there is a place for one more fetch, first come, first served.
   *
   * @throws the signal's reason when it is aborted before; whatever `work` throws
   */
  run<T>(outbound: Outbound, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

/** Makes the places of one process. */
export function makeOutboundPlaces({ total, ofPatterns, perHost }: OutboundLimits = OUTBOUND_LIMITS): OutboundPlaces {
  const [all, patterns] = [makePlaces(total), makePlaces(ofPatterns)];
  const hosts = new Map<string, { readonly run: Run; users: number }>();
  const runAtHost = async <T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    const host = hosts.get(name) ?? { run: makePlaces(perHost), users: 0 };
    hosts.set(name, host);
    host.users++;
    try {
      return await host.run(signal, work);
    } finally {
      if (--host.users === 0) hosts.delete(name);
    }
  };
  return {
    run({ host, isOfPattern }, signal, work) {
      // The host's place before that of all: who waits for a slow host must not keep a place from the others. That of the
      // patterns before both: a named issuer may be on the same host.
      const run = () => runAtHost(host, signal, () => all(signal, work));
      return isOfPattern ? patterns(signal, run) : run();
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
