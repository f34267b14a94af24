import { MayflyError } from "../core/errors.ts";
import { judgeClock, startClockHistory, type ClockHistory, type ClockReading } from "../core/time/judge-clock.ts";
import type { SteadyClock } from "../ports/clock.ts";

/** Gives the times that go into a log, and refuses while the wall clock cannot be believed. */
export class LogClock {
  readonly #clock: SteadyClock;
  #history: ClockHistory;

  constructor(clock: SteadyClock) {
    this.#clock = clock;
    this.#history = startClockHistory(this.#read());
  }

  /** Milliseconds since an arbitrary point, for durations. */
  monotonicMs(): number {
    return this.#clock.monotonic();
  }

  /**
   * A time for the log, later than `lastMs`.
   *
   * @throws MayflyError `log_failed` (LOG_CLOCK)
   */
  timeAfter(lastMs: number): number {
    const { verdict, history } = judgeClock(this.#history, this.#read(), lastMs);
    this.#history = history;
    if (verdict.kind === "refused") throw new MayflyError("LOG_CLOCK", verdict.why);
    return verdict.timestampMs;
  }

  #read(): ClockReading {
    return {
      wallMs: this.#clock.now(),
      monotonicMs: this.#clock.monotonic(),
      sinceBootMs: this.#clock.sinceBoot(),
    };
  }
}
