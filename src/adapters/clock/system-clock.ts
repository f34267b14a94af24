import { uptime } from "node:os";
import type { SteadyClock } from "../../ports/clock.ts";

/** The machine's clocks. */
export const systemClock: SteadyClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sinceBoot: () => uptime() * 1_000,
};
