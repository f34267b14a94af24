import { setImmediate } from "node:timers/promises";
import type { StartTimer } from "../../src/adapters/signers/remote/timer.ts";
import { makeFakeClock, type FakeClock } from "./fake-clock.ts";

/** A clock that stands still until it is told, and the timers that wait for it. */
export interface FakeTimers {
  readonly clock: FakeClock;
  readonly startTimer: StartTimer;
  /** Times that are waited for, milliseconds from now, soonest first. */
  readonly waits: readonly number[];
  /** Lets time pass, and everything happen that was to happen in it. */
  pass(ms: number): Promise<void>;
}

/** Makes one at which nobody waits. */
export function makeFakeTimers(): FakeTimers {
  const clock = makeFakeClock();
  const calls = new Set<{ readonly atMs: number; readonly call: () => void }>();
  const soonest = () => [...calls].sort((one, other) => one.atMs - other.atMs);
  // Settled promises first: what follows from them may start or stop timers.
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) await setImmediate();
  };
  return {
    clock,
    startTimer: (call, afterMs) => {
      const waiting = { atMs: clock.monotonic() + afterMs, call };
      calls.add(waiting);
      return { stop: () => void calls.delete(waiting) };
    },
    get waits() {
      return soonest().map(({ atMs }) => atMs - clock.monotonic());
    },
    pass: async (ms) => {
      const untilMs = clock.monotonic() + ms;
      await settle();
      for (let [next] = soonest(); next !== undefined && next.atMs <= untilMs; [next] = soonest()) {
        clock.advance(Math.max(0, next.atMs - clock.monotonic()));
        calls.delete(next);
        next.call();
        await settle();
      }
      clock.advance(untilMs - clock.monotonic());
      await settle();
    },
  };
}
