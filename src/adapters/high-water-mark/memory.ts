import type { HighWaterMark } from "../../ports/high-water-mark.ts";
import type { PublishedCheckpoint } from "../../ports/log-store.ts";

/** Remembers for as long as the process lives: for development and tests. */
export function makeMemoryHighWaterMark(): HighWaterMark {
  let newest: PublishedCheckpoint | undefined;
  return {
    read: () => Promise.resolve(newest),
    advance: (checkpoint) => {
      newest = checkpoint;
    },
    failure: () => undefined,
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
