import type { ShardConfig } from "../config/log-schema.ts";
import type { ShardChange } from "../config/shard-change.ts";
import { describeCauses } from "../core/errors.ts";
import { windowRefusal } from "../ctlog/acceptance-window.ts";
import type { Clock } from "../ports/clock.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Generations, GenerationSource } from "./generations.ts";
import type { LogShards } from "./log-shards.ts";
import { startPoll } from "./start-poll.ts";

/** What a hand-over from one shard to the next is made with. */
export interface HandOverParts {
  readonly shards: Pick<LogShards, "active" | "publicKeys" | "plan" | "change" | "freeze">;
  readonly generations: Generations;
  readonly clock: Pick<Clock, "now">;
  readonly telemetry: Pick<Telemetry, "notice">;
  /** A freezing that failed is tried again so soon, milliseconds; 5 s when left out. */
  readonly retryMs?: number;
}

/** Changes the shards of a running service. */
export interface HandOver {
  /** What it takes to have these shards, or what speaks against it. */
  readonly plan: (wanted: readonly ShardConfig[]) => ShardChange;
  /**
   * Puts them into force: requests that come from now on issue in the shard that is active then. The one before is frozen in
   * the background, once nothing is under way in it.
   *
   * @param source of another configuration, which comes into force with them
   * @throws MayflyError when a new shard cannot be opened; then nothing has changed
   */
  readonly change: (wanted: readonly ShardConfig[], change: ShardChange, source?: GenerationSource) => Promise<void>;
  /** Freezes what is due, and tries no more: the next start freezes what is configured so. */
  readonly close: () => Promise<void>;
}

const RETRY_MS = 5_000;

/** Makes what changes the shards of a service. */
export function makeHandOver({ shards, generations, clock, telemetry, retryMs = RETRY_MS }: HandOverParts): HandOver {
  /** Origins of shards that were active and have nothing under way any more. */
  const due = new Set<string>();
  let isClosed = false;
  const freezeDue = async (): Promise<void> => {
    for (const origin of due) {
      try {
        await shards.freeze(origin);
        due.delete(origin);
      } catch (error) {
        telemetry.notice("error", "a shard could not be frozen yet", { origin, error: describeCauses(error) });
      }
    }
  };
  const poll = startPoll(freezeDue, retryMs);
  return {
    plan: (wanted) => withWindow(shards.plan(wanted), clock.now()),
    change: async (wanted, { added, activated }, source) => {
      const before = shards.active.config.origin;
      await shards.change(wanted, added);
      for (const { name } of added) telemetry.notice("info", "shard staged", { shard: name });
      if (added.length === 0 && activated === undefined && source === undefined) return;
      // Also where only a staged one has come: nobody may have its keys certified.
      const { log, config } = shards.active;
      const idle = generations.advance({
        log: { certificateLog: log.certificateLog, publicKeys: shards.publicKeys },
        ...(source === undefined ? {} : { source }),
      });
      if (activated === undefined) return;
      telemetry.notice("info", "shard activated", { shard: config.name });
      void idle.then(() => {
        // What was under way longer than the service: its log is closed, and the next start freezes it.
        if (isClosed) return undefined;
        due.add(before);
        return poll.look();
      });
    },
    close: async () => {
      isClosed = true;
      poll.close();
      await poll.look();
    },
  };
}

/** A start cannot choose; a hand-over would stop issuance that goes on in the shard before. */
function withWindow(change: ShardChange, nowMs: number): ShardChange {
  const { activated, refusals } = change;
  const refusal = activated?.window === undefined ? undefined : windowRefusal(activated.window, nowMs);
  if (activated === undefined || refusal === undefined) return change;
  return { ...change, refusals: [...refusals, `shard ${activated.name} cannot be active now: ${refusal.message}`] };
}
