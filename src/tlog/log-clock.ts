import { MayflyError } from "../core/errors.ts";
import {
  judgeClock,
  ranSteadily,
  startClockHistory,
  type ClockHistory,
  type ClockReading,
} from "../core/time/judge-clock.ts";
import type { SteadyClock } from "../ports/clock.ts";

/**
 * How long the time since boot is worked out from the other clocks while they agree: reading it costs 40 µs, 2.7 µs of
 * each certificate in batches of 16.
 */
const BOOT_TIME_MS = 1_000;

/** Gives the times that go into a log, and refuses while the wall clock cannot be believed. */
export class LogClock {
  readonly #clock: SteadyClock;
  /** The last reading of all three clocks. */
  #whole: ClockReading;
  #history: ClockHistory;
  /** What the last reading was refused for. */
  #refusal: MayflyError | undefined;

  constructor(clock: SteadyClock) {
    this.#clock = clock;
    this.#whole = readWhole(clock);
    this.#history = startClockHistory(this.#whole);
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
    const now = { wallMs: this.#clock.now(), monotonicMs: this.#clock.monotonic() };
    const elapsedMs = now.monotonicMs - this.#whole.monotonicMs;
    // A machine that slept shows a wall clock that went further than the monotonic one.
    if (elapsedMs < BOOT_TIME_MS && ranSteadily(this.#whole, now)) {
      return { ...now, sinceBootMs: this.#whole.sinceBootMs + elapsedMs };
    }
    return (this.#whole = readWhole(this.#clock));
  }
}

function readWhole(clock: SteadyClock): ClockReading {
  return { wallMs: clock.now(), monotonicMs: clock.monotonic(), sinceBootMs: clock.sinceBoot() };
}
