import { MayflyError } from "../core/errors.ts";

/** How far a log is known to have come, by somebody who remembers it. */
export interface LogMark {
  /** Who remembers: `head.note`, `audit.jsonl`. */
  readonly where: string;
  /** Entries that the log has at least. */
  readonly size: number;
  /** Root of the tree of so many entries, 32 bytes, where that is remembered too. */
  readonly root?: Uint8Array;
}

/**
 * Refuses a copy of a log that is older than what is known of the log. Callers hold proof of entries that such a copy lacks;
 * a log that went on without them would give their indexes to others, and so fork.
 *
 * @param copy what holds the log, for the message
 * @throws MayflyError `log_failed` (LOG_ROLLED_BACK) naming the mark and how many entries are missing, also when nobody
 *   remembers anything: then nothing tells an old copy from a new one
 */
export function requireNotBehind(
  copy: { readonly location: string; readonly size: number },
  marks: readonly LogMark[],
): void {
  const [highest] = marks.toSorted((one, other) => other.size - one.size);
  if (highest === undefined) {
    throw new MayflyError(
      "LOG_ROLLED_BACK",
      `nothing here remembers how far the log had come, so nobody can tell whether ${copy.location} is old`,
    );
  }
  if (copy.size >= highest.size) return;
  throw new MayflyError(
    "LOG_ROLLED_BACK",
    `${copy.location} has ${copy.size} entries, ${highest.size - copy.size} fewer than the ${highest.size} that ` +
      `${highest.where} knows of; the log must not go on without them: leave it frozen and go on with a new shard`,
  );
}
