import { randomInt } from "node:crypto";
import { MayflyError } from "../core/errors.ts";
import type { IssueCertificate } from "../core/issuance-types.ts";

/** The operator's brake: while it is on, no certificate is issued, and everything else goes on. */
export interface PauseSwitch {
  readonly isPaused: boolean;
  /** Says what holds from now on; nothing happens when that holds already. */
  set(isPaused: boolean): void;
}

/**
 * Makes the brake of one process.
 *
 * @param onChange told of each change, and not of what holds at first
 */
export function makePauseSwitch(isPausedFirst: boolean, onChange: (isPaused: boolean) => void): PauseSwitch {
  let current = isPausedFirst;
  return {
    get isPaused() {
      return current;
    },
    set(isPaused) {
      if (isPaused === current) return;
      current = isPaused;
      onChange(isPaused);
    },
  };
}

/**
 * Issuance that refuses while the switch is on (`overloaded`, ISSUANCE_PAUSED), before it looks at token or key. What
 * began before is finished: a certificate that is in the log already is delivered.
 */
export function makePausableIssuance(
  issue: IssueCertificate,
  pauseSwitch: Pick<PauseSwitch, "isPaused">,
): IssueCertificate {
  return async (request, signal) => {
    if (pauseSwitch.isPaused) {
      // Between 30 and 90 s, so that callers do not all return in one moment.
      throw new MayflyError("ISSUANCE_PAUSED", "issuance is paused", { retryAfterMs: randomInt(30_000, 90_001) });
    }
    return issue(request, signal);
  };
}
