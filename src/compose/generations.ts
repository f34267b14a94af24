import type { Generation } from "../issuance/generation.ts";
import { countInFlight } from "../issuance/count-in-flight.ts";
import type { CountedIssuance } from "../issuance/count-in-flight.ts";
import type { GenerationLog, MakeGeneration } from "./make-generation.ts";

/** What makes the generations of one configuration. */
export interface GenerationSource {
  readonly make: MakeGeneration;
  /** Lets go of what they verify tokens with; called once, behind the last request of the last of them. Never rejects. */
  readonly close: () => Promise<void>;
}

/** What is different in a generation from the one before it. */
export interface GenerationChange {
  readonly log?: GenerationLog;
  readonly source?: GenerationSource;
}

/** Which generation is in force. A request takes the current one and keeps it; the one before it runs out. */
export interface Generations {
  /** The one for a request that comes now. */
  readonly current: () => Generation;
  /**
   * Has the requests that come from now on issue in another log, or under another configuration, or both at once.
   *
   * @returns resolves when no request is under way that came before, to this generation or an earlier one
   */
  readonly advance: (change: GenerationChange) => Promise<void>;
  /** Lets go of everything; no request may come any more. */
  readonly close: () => Promise<void>;
}

interface Counted {
  readonly generation: Generation;
  readonly issuance: CountedIssuance;
  readonly log: GenerationLog;
  readonly source: GenerationSource;
}

/** Begins with generation 1. */
export function startGenerations(source: GenerationSource, log: GenerationLog): Generations {
  const counted = (number: number, its: Required<GenerationChange>): Counted => {
    const made = its.source.make(number, its.log);
    const issuance = countInFlight(made.issueCertificate);
    return { generation: Object.freeze({ ...made, issueCertificate: issuance.issueCertificate }), issuance, ...its };
  };
  let now = counted(1, { source, log });
  /** One for each generation that still has requests under way: the last one is not always the last to run out. */
  const runningOut = new Set<Promise<void>>();
  /** Those that are open, the current one among them. */
  const open = new Set([source]);
  const close = async (one: GenerationSource): Promise<void> => {
    if (open.delete(one)) await one.close();
  };
  return {
    current: () => now.generation,
    advance: (change) => {
      const { generation, issuance, ...before } = now;
      now = counted(generation.number + 1, { ...before, ...change });
      open.add(now.source);
      const idle = issuance.idle().finally(() => runningOut.delete(idle));
      runningOut.add(idle);
      const allIdle = Promise.all(runningOut).then(() => undefined);
      if (before.source !== now.source) void allIdle.then(() => close(before.source));
      return allIdle;
    },
    close: async () => {
      await Promise.all([...open].map(close));
    },
  };
}
