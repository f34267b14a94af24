import type { LookupFunction } from "node:net";

/** A lookup that fails when name servers take longer than `limitMs`; what they still say is dropped. */
export function boundedLookup(lookup: LookupFunction, limitMs: number): LookupFunction {
  return (hostname, options, callback) => {
    let answered = false;
    const answer: typeof callback = (...result) => {
      if (answered) return;
      answered = true;
      clearTimeout(timer);
      callback(...result);
    };
    const timer = setTimeout(() => {
      answer(new Error(`the name could not be resolved within ${limitMs} ms`), "");
    }, limitMs);
    // Whoever wants the address has a connection to wait for; when that was given up, nobody waits for this.
    timer.unref();
    lookup(hostname, options, answer);
  };
}
