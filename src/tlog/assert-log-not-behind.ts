import { MayflyError } from "../core/errors.ts";
import type { LogStore, PublishedCheckpoint } from "../ports/log-store.ts";
import { readRoot } from "./log-reader.ts";

/** What is known about a log from outside its store. */
export interface KnownOfLog {
  /** The newest checkpoint that was remembered. */
  readonly remembered: PublishedCheckpoint | undefined;
  /** The highest index that a caller was told. */
  readonly highestAnsweredIndex?: number;
}

/**
 * Refuses a store that has forgotten what was published or answered, or remembers it differently: an older copy put in
 * place, a file copied without its write-ahead log. To go on from there would fork the log. For the same reason it refuses
 * a store with entries of which nothing else knows: it may be such a copy.
 *
 * @throws MayflyError `log_failed` (LOG_ROLLED_BACK)
 */
export async function assertLogNotBehind(store: LogStore, known: KnownOfLog): Promise<void> {
  const { remembered, highestAnsweredIndex = -1 } = known;
  const head = await store.head();
  if (head.size <= highestAnsweredIndex) {
    throw rolledBack(`it has ${head.size} entries, but a caller was told of entry ${highestAnsweredIndex}`);
  }
  if (remembered === undefined) {
    if (highestAnsweredIndex !== -1 || head.size === 0) return;
    throw rolledBack("nothing outside it remembers how far it had come; a copy alone is not continued");
  }
  if (head.size < remembered.size) {
    throw rolledBack(`it has ${head.size} entries, but a checkpoint of ${remembered.size} was published`);
  }
  const root =
    head.size === remembered.size ? head.root : await readRoot(await store.snapshotAt(remembered), remembered.size);
  if (Buffer.compare(root, remembered.root) !== 0) {
    throw rolledBack(`its first ${remembered.size} entries are others than those that were published`);
  }
}

function rolledBack(how: string): MayflyError {
  return new MayflyError("LOG_ROLLED_BACK", `the log's database is not the one that was served: ${how}`);
}
