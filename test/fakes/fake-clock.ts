import type { SteadyClock } from "../../src/ports/clock.ts";

/** A clock that stands still until it is told. */
export interface FakeClock extends SteadyClock {
  /** Lets time pass, in milliseconds. */
  advance(ms: number): void;
  /** Steps the wall clock alone, as an administrator or NTP does; negative steps go back. */
  step(ms: number): void;
  /** Lets the machine sleep: the clock that never steps does not see that time. */
  sleep(ms: number): void;
}

/** A fake clock whose wall clock shows `nowMs`; whole seconds unless told otherwise. */
export function makeFakeClock(nowMs = Date.UTC(2026, 10, 22, 12)): FakeClock {
  let wall = nowMs;
  let awake = 0;
  let asleep = 0;
  return {
    now: () => wall,
    monotonic: () => awake,
    sinceBoot: () => awake + asleep,
    advance: (ms) => {
      if (!(ms >= 0)) throw new RangeError("time does not run backwards; step() moves the wall clock");
      wall += ms;
      awake += ms;
    },
    step: (ms) => {
      wall += ms;
    },
    sleep: (ms) => {
      wall += ms;
      asleep += ms;
    },
  };
}
