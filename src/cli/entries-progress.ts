import type { CommandContext } from "./context.ts";
import { makeProgress } from "./progress.ts";

/** Tells how many entries of a log were read, how fast, and when all of them will be. */
export interface EntriesProgress {
  /** Entries so far, and how many there are. */
  readonly show: (entries: number, of: number) => void;
  /** Leaves the terminal as it was. */
  readonly end: () => void;
}

/** Characters between the brackets of the bar that a terminal gets. */
const BAR_WIDTH = 24;

/**
 * Makes what a command shows its progress over entries with.
 *
 * @param nowMs a clock that never goes back, milliseconds
 */
export function makeEntriesProgress(
  context: Pick<CommandContext, "stderr" | "stderrIsTerminal">,
  nowMs: () => number = () => performance.now(),
): EntriesProgress {
  const progress = makeProgress(context, nowMs);
  // What was verified earlier says nothing about how fast it goes now.
  let first: { readonly entries: number; readonly ms: number } | undefined;
  return {
    show: (entries, of) => {
      first ??= { entries, ms: nowMs() };
      const perSecond = ((entries - first.entries) * 1_000) / (nowMs() - first.ms);
      const line = describeEntries({ entries, of, perSecond });
      progress.show(context.stderrIsTerminal === true ? `${barOf(entries, of)} ${line}` : line);
    },
    end: () => {
      progress.end();
    },
  };
}

function describeEntries({ entries, of, perSecond }: { entries: number; of: number; perSecond: number }): string {
  const line = `${entries} of ${of} entries verified`;
  if (!Number.isFinite(perSecond) || perSecond <= 0) return line;
  return `${line}, ${Math.round(perSecond)} a second, ${describeDuration((of - entries) / perSecond)} left`;
}

function describeDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.ceil(whole / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function barOf(entries: number, of: number): string {
  const filled = of === 0 ? BAR_WIDTH : Math.floor((entries / of) * BAR_WIDTH);
  return `[${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}]`;
}
