/** A place where whoever comes is held until a test lets all of them go on. */
export interface Gate {
  /** Resolves once the gate is open. */
  readonly pass: () => Promise<void>;
  readonly open: () => void;
}

/** Makes a gate that is closed. */
export function makeGate(): Gate {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return {
    pass: () => promise,
    open: () => {
      resolve(undefined);
    },
  };
}

/** Work that stands at a gate before it begins. */
export function heldAt<Given extends readonly unknown[], T>(
  gate: Gate,
  work: (...given: Given) => Promise<T>,
): (...given: Given) => Promise<T> {
  return async (...given) => {
    await gate.pass();
    return work(...given);
  };
}

/** How many calls are held somewhere, and what is done once no other is left. */
export interface HeldCalls {
  readonly held: number;
  /** Lets them go on. */
  readonly whenTheyAre: () => void | Promise<void>;
}

/**
 * Waits until only the calls that are held have no answer, so that no answer depends on which call is how fast, and then
 * for those too.
 *
 * @returns the answers in the order of the calls
 */
export async function answersOf<T>(
  calls: readonly Promise<T>[],
  { held, whenTheyAre }: HeldCalls,
): Promise<readonly T[]> {
  const othersAnswered = Promise.withResolvers<undefined>();
  let waiting = calls.length;
  for (const call of calls) {
    void call.then(() => {
      if (--waiting === held) othersAnswered.resolve(undefined);
    }, othersAnswered.reject);
  }
  await othersAnswered.promise;
  await whenTheyAre();
  return Promise.all(calls);
}
