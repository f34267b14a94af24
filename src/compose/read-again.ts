import { isDeepStrictEqual } from "node:util";
import type { ProcessTelemetry } from "../adapters/telemetry/open-telemetry.ts";
import type { ShardConfig } from "../config/log-schema.ts";
import type { Config } from "../config/schema.ts";
import type { ShardChange } from "../config/shard-change.ts";
import { describeCauses } from "../core/errors.ts";
import type { PauseSwitch } from "../issuance/pause-switch.ts";

/** What a configuration that is read again has an effect on. */
export interface ReadAgainParts {
  /** The configuration of the start. */
  readonly config: Config;
  readonly pauseSwitch: PauseSwitch;
  readonly telemetry: Pick<ProcessTelemetry, "notice">;
  readonly shards: {
    /** What it takes to have these shards, or what speaks against it. */
    readonly plan: (wanted: readonly ShardConfig[]) => ShardChange;
    /** Puts them into force; where it rejects, nothing has changed. */
    readonly change: (wanted: readonly ShardConfig[], change: ShardChange) => Promise<void>;
  };
}

/**
 * Reads the configuration again and puts into force what may change while the service runs: `issuance.paused` and
 * `log.shards`. Other changes are named as waiting for the next start. What cannot be read or used changes nothing, and is
 * said. Never rejects.
 *
 * @param read gives the configuration or throws a ConfigError
 */
export async function readConfigAgain(read: () => Config, parts: ReadAgainParts): Promise<void> {
  const { config, pauseSwitch, telemetry, shards } = parts;
  let wanted: Config;
  try {
    wanted = read();
  } catch (error) {
    telemetry.notice("error", REFUSED, { error: describeCauses(error) });
    return;
  }
  const change = shards.plan(wanted.log.shards);
  if (change.refusals.length > 0) {
    telemetry.notice("error", REFUSED, { error: `log.shards: ${change.refusals.join("; ")}` });
    return;
  }
  // At once, and before what may take a while: it is a brake.
  pauseSwitch.set(wanted.issuance.paused);
  try {
    await shards.change(wanted.log.shards, change);
  } catch (error) {
    telemetry.notice("error", "log.shards refused; those before stay in force", { error: describeCauses(error) });
  }
  const waiting = waitingSettings(wanted, config);
  if (waiting.length === 0) telemetry.notice("info", "configuration read again");
  else telemetry.notice("warn", "settings have changed that wait for the next start", { settings: waiting.join(", ") });
}

const REFUSED = "configuration refused; the one before stays in force";

/** Settings that differ from those of the start, without those that need not wait. */
function waitingSettings(wanted: Config, started: Config): readonly string[] {
  const comparable = (config: Config): Config => ({
    ...config,
    issuance: started.issuance,
    log: { ...config.log, shards: started.log.shards },
  });
  const now = comparable(wanted);
  return (Object.keys(now) as (keyof Config)[]).filter((name) => !isDeepStrictEqual(now[name], started[name]));
}
