import { MayflyError } from "../../core/errors.ts";

/** Appends lines, in their order; resolves when the operating system has all of them. */
export type AppendLines<Line> = (lines: readonly Line[]) => Promise<void>;

/** Lines on their way into a file. */
export interface GroupWriter<Line> {
  /**
   * Adds the lines that `makeLines` gives (it is called at once, and only when they will be tried) and resolves when
   * the operating system has them.
   *
   * @param isOwed whether the lines are taken however many wait
   * @throws MayflyError `overloaded` (AUDIT_QUEUE_FULL) when too many lines wait; `internal` (AUDIT_FAILED) when a write
   *   failed before, or this one fails
   */
  write(makeLines: () => readonly Line[], isOwed?: boolean): Promise<void>;
  /** Resolves when every line was written or failed; no line is taken afterwards. */
  end(): Promise<void>;
}

interface Batch<Line> {
  readonly lines: Line[];
  readonly written: PromiseWithResolvers<void>;
}

/**
 * Writes lines in groups: one write at a time, and whatever arrives meanwhile goes together in the next. So the cost of
 * a write is shared by as many lines as there is load, and a sink that blocks holds at most `maxPending` lines beside those
 * that are owed. After a failed write nothing is known of the file's end, so every later line fails too.
 */
export function makeGroupWriter<Line>(appendLines: AppendLines<Line>, maxPending: number): GroupWriter<Line> {
  let waiting: Batch<Line> | undefined;
  let inFlight = 0;
  let failure: MayflyError | undefined;
  let ended = false;
  let running: Promise<void> | undefined;

  const takeBatch = (): Batch<Line> | undefined => {
    const batch = waiting;
    waiting = undefined;
    inFlight = batch?.lines.length ?? 0;
    return batch;
  };
  const run = async (): Promise<void> => {
    // The rest of the turn joins the first batch: requests that arrived together are written together.
    await Promise.resolve();
    for (let batch = takeBatch(); batch !== undefined; batch = takeBatch()) {
      try {
        await appendLines(batch.lines);
        batch.written.resolve();
      } catch (cause) {
        failure = new MayflyError("AUDIT_FAILED", "a write to the audit trail failed", { cause });
        batch.written.reject(failure);
        takeBatch()?.written.reject(failure);
      }
    }
    running = undefined;
  };

  return {
    write: (makeLines, isOwed = false) => {
      if (ended) return Promise.reject(new MayflyError("AUDIT_FAILED", "the audit trail is closed"));
      if (failure !== undefined) return Promise.reject(failure);
      if (!isOwed && inFlight + (waiting?.lines.length ?? 0) >= maxPending) {
        return Promise.reject(new MayflyError("AUDIT_QUEUE_FULL", `${maxPending} lines wait for the audit trail`));
      }
      const lines = makeLines();
      waiting ??= { lines: [], written: Promise.withResolvers() };
      waiting.lines.push(...lines);
      running ??= run();
      return waiting.written.promise;
    },
    end: async () => {
      ended = true;
      await running;
    },
  };
}
