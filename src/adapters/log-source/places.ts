/** Runs work when there is a place for it, first come, first served. */
export type RunInPlace = <T>(work: () => Promise<T>) => Promise<T>;

/** Makes so many places. */
export function makePlaces(most: number): RunInPlace {
  const queue: (() => void)[] = [];
  let taken = 0;
  return async (work) => {
    if (taken < most) taken++;
    else {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      queue.push(() => {
        resolve(undefined);
      });
      await promise;
    }
    try {
      return await work();
    } finally {
      // Whoever waits longest gets the place, without it becoming free in between.
      const next = queue.shift();
      if (next === undefined) taken--;
      else next();
    }
  };
}
