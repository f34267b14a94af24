import type { ProcessTelemetry } from "../adapters/telemetry/open-telemetry.ts";
import { judgeSample, startConditionHistory } from "../core/readiness/judge-sample.ts";
import type { ConditionHistory, Sample } from "../core/readiness/judge-sample.ts";
import type { Readiness } from "../http/operations-app.ts";
import type { Clock } from "../ports/clock.ts";

/** Something that readiness rests on. */
export interface ReadinessCheck {
  readonly name: string;
  /** What is wrong for certain: it counts from the moment it is there until the moment it is gone. */
  readonly certain?: () => Sample;
  /** What is wrong just now, and may be over the next moment: it counts once it lasts. */
  readonly passing?: () => Sample;
  /** Whether there is anything to be checked; always, when left out. */
  readonly applies?: () => boolean;
  /** What will be wrong one day; said, and counted for nothing. */
  readonly coming?: () => string | undefined;
}

/** With what checks are watched. */
export interface WatchReadinessOptions {
  readonly clock: Pick<Clock, "monotonic">;
  readonly telemetry: Pick<ProcessTelemetry, "notice">;
  /** Told how often to look; a second unless a test says otherwise. */
  readonly lookMs?: number;
}

const isThere = ({ applies }: ReadinessCheck): boolean => applies?.() ?? true;

/** Checks under watch. */
export interface WatchedReadiness {
  /** Each check as it counts now. */
  checks(): Readiness["checks"];
  /** Looks at what may pass, now. */
  look(): void;
  close(): void;
}

/** More often than samples are counted, so that they are counted hardly later than they may be. */
const LOOK_MS = 1_000;

/**
 * Watches what readiness rests on. What may come and go is judged by samples ({@link judgeSample}), whoever asks and how
 * often; a change of that judgement is a line for the operator. The first sample is taken at once.
 */
export function watchReadiness(
  checks: readonly ReadinessCheck[],
  { clock, telemetry, lookMs = LOOK_MS }: WatchReadinessOptions,
): WatchedReadiness {
  const histories = new Map<string, ConditionHistory>();
  const problemOf = (name: string): Sample => histories.get(name)?.problem;

  const look = (): void => {
    const nowMs = clock.monotonic();
    for (const { name, passing } of checks) {
      if (passing === undefined) continue;
      const [history, sample] = [histories.get(name), passing()];
      const next = history === undefined ? startConditionHistory(sample, nowMs) : judgeSample(history, sample, nowMs);
      const [before, now] = [history?.problem, next.problem];
      histories.set(name, next);
      if (before === undefined && now !== undefined)
        telemetry.notice("warn", "not ready", { check: name, detail: now });
      if (before !== undefined && now === undefined) telemetry.notice("info", "ready again", { check: name });
    }
  };
  look();
  const timer = setInterval(look, lookMs).unref();
  return {
    checks: () =>
      checks.filter(isThere).map(({ name, certain, passing, coming }) => {
        const counts = certain?.() ?? problemOf(name);
        // What does not count yet is shown all the same.
        const detail = counts ?? passing?.() ?? coming?.();
        return { name, ok: counts === undefined, ...(detail === undefined ? {} : { detail }) };
      }),
    look,
    close: () => {
      clearInterval(timer);
    },
  };
}
