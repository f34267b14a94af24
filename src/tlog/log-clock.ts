import { MayflyError } from "../core/errors.ts";
import {
  judgeClock,
  ranSteadily,
  startClockHistory,
  type ClockHistory,
  type ClockReading,
} from "../core/time/judge-clock.ts";
import type { SteadyClock } from "../ports/clock.ts";

/** Gives the times that go into a log, and refuses while the wall clock cannot be believed. */
export class LogClock {
  readonly #clock: SteadyClock;
  #history: ClockHistory;
  /** What the last reading was refused for. */
  #refusal: MayflyError | undefined;

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
   * @throws MayflyError `log_unavailable` (LOG_CLOCK)
   */
  timeAfter(lastMs: number): number {
    const { verdict, history } = judgeClock(this.#history, this.#read(), lastMs);
    this.#history = history;
    if (verdict.kind === "refused") {
      throw (this.#refusal = new MayflyError("LOG_CLOCK", verdict.why, { retryAfterMs: verdict.againInMs }));
    }
    this.#refusal = undefined;
    return verdict.timestampMs;
  }

  /**
   * Why a time later than `lastMs` would be refused, if it would be. A clock that was believed and has run steadily since
   * is believed without a closer look: the time since boot is dear to read.
   */
  refusal(lastMs: number): MayflyError | undefined {
    const now = { wallMs: this.#clock.now(), monotonicMs: this.#clock.monotonic() };
    if (this.#refusal === undefined && ranSteadily(this.#history.latest, now)) return undefined;
    try {
      this.timeAfter(lastMs);
    } catch (error) {
      if (!(error instanceof MayflyError)) throw error;
    }
    return this.#refusal;
  }

  #read(): ClockReading {
    return {
      wallMs: this.#clock.now(),
      monotonicMs: this.#clock.monotonic(),
      sinceBootMs: this.#clock.sinceBoot(),
    };
  }
}
