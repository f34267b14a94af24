import type { Generation } from "../issuance/generation.ts";
import { countInFlight } from "../issuance/count-in-flight.ts";
import type { CountedIssuance } from "../issuance/count-in-flight.ts";
import type { GenerationLog, MakeGeneration } from "./make-generation.ts";

/** Which generation is in force. A request takes the current one and keeps it; the one before it runs out. */
export interface Generations {
  /** The one for a request that comes now. */
  readonly current: () => Generation;
  /**
   * Has the requests that come from now on issue in another log, or in the same one under other terms.
   *
   * @returns resolves when no request is under way that came before, to this generation or an earlier one
   */
  readonly issueIn: (log: GenerationLog) => Promise<void>;
}

interface Counted {
  readonly generation: Generation;
  readonly issuance: CountedIssuance;
}

/** Begins with generation 1. */
export function startGenerations(make: MakeGeneration, log: GenerationLog): Generations {
  const counted = (number: number, itsLog: GenerationLog): Counted => {
    const made = make(number, itsLog);
    const issuance = countInFlight(made.issueCertificate);
    return { generation: Object.freeze({ ...made, issueCertificate: issuance.issueCertificate }), issuance };
  };
  let now = counted(1, log);
  /** One for each generation that still has requests under way: the last one is not always the last to run out. */
  const runningOut = new Set<Promise<void>>();
  return {
    current: () => now.generation,
    issueIn: (next) => {
      const { generation, issuance } = now;
      now = counted(generation.number + 1, next);
      const idle = issuance.idle().finally(() => runningOut.delete(idle));
      runningOut.add(idle);
      return Promise.all(runningOut).then(() => undefined);
    },
  };
}
