import type { LookupAll } from "./public-address.ts";

/**
 * Has one name resolved at a time; whoever waits for that longer than `waitMs` is given up, and never asked for. Node resolves
 * names in two threads of its pool, for all that the process asks for, and a name whose servers say nothing holds one for
 * many seconds: strangers, who name the hosts below patterns, get one of them.
 */
export function lookupInTurn(lookup: LookupAll, waitMs: number): LookupAll {
  const waiting = new Set<() => void>();
  let isBusy = false;
  const goOn = (): void => {
    const [next] = waiting;
    isBusy = next !== undefined;
    next?.();
  };
  return (hostname, options, callback) => {
    const begin = (): void => {
      clearTimeout(timer);
      waiting.delete(begin);
      lookup(hostname, options, (...answer) => {
        goOn();
        callback(...answer);
      });
    };
    const timer = setTimeout(() => {
      waiting.delete(begin);
      callback(new Error(`other names took longer than ${waitMs} ms`));
    }, waitMs);
    // Whoever wants the address has a connection to wait for; when that was given up, nobody waits for this.
    timer.unref();
    waiting.add(begin);
    if (!isBusy) goOn();
  };
}
