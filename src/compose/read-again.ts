import { isDeepStrictEqual } from "node:util";
import type { ProcessTelemetry } from "../adapters/telemetry/open-telemetry.ts";
import type { Config } from "../config/schema.ts";
import { describeCauses } from "../core/errors.ts";
import type { PauseSwitch } from "../issuance/pause-switch.ts";

/** What a configuration that is read again has an effect on. */
export interface ReadAgainParts {
  /** The configuration of the start. */
  readonly config: Config;
  readonly pauseSwitch: PauseSwitch;
  readonly telemetry: Pick<ProcessTelemetry, "notice">;
}

/**
 * Reads the configuration again and puts into force what may change while the service runs: `issuance.paused`. Other
 * changes are named as waiting for the next start. What cannot be read or used changes nothing, and is said.
 *
 * @param read gives the configuration or throws a ConfigError
 */
export function readConfigAgain(read: () => Config, { config, pauseSwitch, telemetry }: ReadAgainParts): void {
  let wanted: Config;
  try {
    wanted = read();
  } catch (error) {
    telemetry.notice("error", "configuration refused; the one before stays in force", { error: describeCauses(error) });
    return;
  }
  pauseSwitch.set(wanted.issuance.paused);
  const waiting = (Object.keys(wanted) as (keyof Config)[]).filter(
    (name) => name !== "issuance" && !isDeepStrictEqual(wanted[name], config[name]),
  );
  if (waiting.length === 0) telemetry.notice("info", "configuration read again");
  else telemetry.notice("warn", "settings have changed that wait for the next start", { settings: waiting.join(", ") });
}
