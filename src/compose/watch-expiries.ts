import type { Expiry, ExpirySource } from "../adapters/telemetry/expiry-metrics.ts";
import type { ProcessTelemetry } from "../adapters/telemetry/open-telemetry.ts";
import { daysUntil, reachedWarning } from "../core/readiness/judge-expiry.ts";
import type { Clock } from "../ports/clock.ts";
import { expiriesOf } from "./expiries.ts";
import type { Openable } from "./configuration-source.ts";
import type { LogShards } from "./log-shards.ts";

/** What is watched, and who hears of it. */
export interface WatchExpiriesOptions {
  readonly authorities: () => Openable["authorities"];
  readonly shards: Pick<LogShards, "all">;
  readonly clock: Pick<Clock, "now">;
  readonly telemetry: Pick<ProcessTelemetry, "notice">;
  /** Told how often to look; an hour unless a test says otherwise. */
  readonly lookMs?: number;
}

/** Ends under watch. */
export interface WatchedExpiries {
  /** Each end, for metrics. */
  readonly source: () => ExpirySource;
  /** The next end of these kinds that somebody should hear of, in words. */
  readonly note: (kinds: readonly Expiry["what"][]) => string | undefined;
  readonly look: () => void;
  readonly close: () => void;
}

const HOUR_MS = 3_600_000;
/** Less is nothing to plan for: somebody has to act now. */
const URGENT_DAYS = 7;

/** Warns of what ends in 90, 30 and 7 days, each once, with a line of the log; the first look is taken at once. */
export function watchExpiries(options: WatchExpiriesOptions): WatchedExpiries {
  const { authorities, shards, clock, telemetry, lookMs = HOUR_MS } = options;
  let known: { readonly of: readonly unknown[]; readonly expiries: readonly Expiry[] } | undefined;
  const expiries = (): readonly Expiry[] => {
    const of = [authorities(), shards.all] as const;
    if (known?.of[0] === of[0] && known.of[1] === of[1]) return known.expiries;
    const shardConfigs = shards.all.map(({ config }) => config);
    known = { of, expiries: expiriesOf(of[0], shardConfigs) };
    return known.expiries;
  };
  const told = new Map<string, number>();
  const look = (): void => {
    const nowMs = clock.now();
    for (const { what, name, endMs } of expiries()) {
      const warning = reachedWarning(endMs, nowMs);
      const key = JSON.stringify([what, name, endMs]);
      if (warning === undefined || (told.get(key) ?? Infinity) <= warning) continue;
      told.set(key, warning);
      const level = warning <= URGENT_DAYS ? "error" : "warn";
      const days = Math.floor(daysUntil(endMs, nowMs));
      telemetry.notice(level, "this ends, and nothing is issued behind it", {
        ...{ what, name, days, end: new Date(endMs).toISOString() },
      });
    }
  };
  look();
  const timer = setInterval(look, lookMs).unref();
  return {
    source: () => ({ nowMs: clock.now(), expiries: expiries() }),
    note: (kinds) => {
      const nowMs = clock.now();
      const [next] = expiries()
        .filter(({ what, endMs }) => kinds.includes(what) && reachedWarning(endMs, nowMs) !== undefined)
        .toSorted((one, other) => one.endMs - other.endMs);
      return next && `${next.what} of ${next.name} ends at ${new Date(next.endMs).toISOString()}`;
    },
    look,
    close: () => {
      clearInterval(timer);
    },
  };
}
