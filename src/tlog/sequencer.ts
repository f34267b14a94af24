import { MayflyError, type Reason } from "../core/errors.ts";
import { BatchCommitter, type CommitOutcome } from "./batch-committer.ts";
import type { Submission } from "./build-batch.ts";
import { CheckpointPublisher } from "./checkpoint-publisher.ts";
import { Gathering } from "./gathering.ts";
import { startIdleTimer, type IdleTimer } from "./idle-timer.ts";
import { LastFailure } from "./last-failure.ts";
import { LogClock } from "./log-clock.ts";
import { SEQUENCER_LIMITS, type SequencerLimits, type SequencerOptions } from "./sequencer-options.ts";

/** Where a submission stands in the log. */
export type AppendedEntry =
  | { readonly duplicate: false; readonly index: number; readonly timestampMs: number }
  /** It was in the log already, or is being put there by an earlier caller; the stored entry tells its time. */
  | { readonly duplicate: true; readonly index: number };

/** Puts submissions into a log, one batch after the other. */
export interface Sequencer {
  /**
   * Puts a submission into the log. When the promise resolves, the entry is durable and under a published checkpoint.
   *
   * @throws MayflyError `log_failed`, `log_unavailable` or what a signer throws; the entry may exist all the same
   */
  append(submission: Submission): Promise<AppendedEntry>;
  /**
   * Asked before work for a submission begins, so that none is done for what would be refused; costs a few comparisons.
   * After a failed batch, one caller may try at once, and while it stays so one each second.
   *
   * @throws MayflyError what `append` would, as far as that is known
   */
  requireOpen(): void;
  /** Why the next submission would be refused, if it would be, or why the last batch failed and none was published since. */
  refusal(): MayflyError | undefined;
  /**
   * Ends the log's life for what was found elsewhere: everything that waits is refused, and nothing is published any more.
   * Calls `onFatal`, once.
   */
  fail(error: MayflyError): void;
  /** Refuses what is new, finishes what was accepted, and resolves. */
  close(): Promise<void>;
  /** Closes, then freezes the store with a last checkpoint; may be called again where that did not end the log. Throws as `append`. */
  freeze(): Promise<void>;
}

/** A submission on its way. */
interface Waiter {
  readonly submission: Submission;
  readonly promise: Promise<AppendedEntry>;
  readonly resolve: (entry: AppendedEntry) => void;
  readonly reject: (error: unknown) => void;
}

/** A submission in the log that waits for a published checkpoint to cover it. */
interface Unreleased extends Waiter {
  readonly entry: AppendedEntry;
}

/**
 * Starts the one loop that writes to a log. First publishes the committed head under a new time: a crash may have come
 * between commit and publication, and keys that do not work should be noticed before anything is accepted. Where witnesses
 * come first and do not cosign it, the log starts all the same, and refuses entries until they do.
 *
 * @throws MayflyError `log_failed` when the store contradicts itself or a signature fails, `log_unavailable` when the clock
 *   is behind the log
 */
export async function startSequencer(options: SequencerOptions): Promise<Sequencer> {
  const clock = new LogClock(options.clock);
  const publisher = new CheckpointPublisher(options, clock);
  const unpublished = await publisher.start().then(() => undefined, quorumMissed);
  return new LoopSequencer(options, clock, { publisher, unpublished });
}

/** Without witnesses the log can still be read as it was published last, and its heartbeat tries again. */
function quorumMissed(error: unknown): MayflyError {
  if (error instanceof MayflyError && error.reason === "WITNESS_QUORUM_MISSED") return error;
  throw error;
}

/** A publisher that has published the committed head, or why it has not. */
interface StartedPublisher {
  readonly publisher: CheckpointPublisher;
  readonly unpublished: MayflyError | undefined;
}

class LoopSequencer implements Sequencer {
  readonly #options: SequencerOptions;
  readonly #limits: SequencerLimits;
  readonly #clock: LogClock;
  readonly #publisher: CheckpointPublisher;
  readonly #committer: BatchCommitter;
  readonly #gathering: Gathering;
  readonly #idleTimer: IdleTimer;
  // By digest: what waits for a batch, what is written, what waits for a checkpoint. A map is given up as a whole: when V8
  // makes room in one that entries come to and go from, the table it leaves points to the new one. Where such a table has
  // grown old, all that was ever in the tables after it stays until the whole heap is marked.
  #queue = new Map<string, Waiter>();
  #batch: ReadonlyMap<string, Waiter> = new Map();
  #unreleased = new Map<string, Unreleased>();
  #heartbeatDue = false;
  /** When the batch under way began, on the clock that never steps. */
  #batchSinceMs: number | undefined;
  readonly #failure = new LastFailure();
  #running: Promise<void> | undefined;
  #closed: MayflyError | undefined;
  #failed = false;

  constructor(options: SequencerOptions, clock: LogClock, { publisher, unpublished }: StartedPublisher) {
    this.#options = options;
    this.#limits = options.limits ?? SEQUENCER_LIMITS;
    this.#clock = clock;
    this.#publisher = publisher;
    this.#committer = new BatchCommitter(options.store, (lastMs) => publisher.timeAfter(lastMs));
    this.#gathering = new Gathering(this.#limits, options.onTheWay);
    this.#idleTimer = (options.startIdleTimer ?? startIdleTimer)(() => {
      this.#heartbeatDue = true;
      this.#wake();
    }, this.#limits.idleMs);
    if (unpublished === undefined) return;
    this.#remember(unpublished);
    this.#idleTimer.refresh(this.#limits.retryMs);
  }

  append(submission: Submission): Promise<AppendedEntry> {
    const key = Buffer.from(submission.submissionKey).toString("hex");
    const earlier = this.#queue.get(key) ?? this.#batch.get(key) ?? this.#unreleased.get(key);
    if (earlier !== undefined) return earlier.promise.then(({ index }) => ({ duplicate: true, index }));
    const refusal = this.#closed ?? this.#stall() ?? this.#overflow();
    if (refusal !== undefined) return Promise.reject(refusal);
    const { promise, resolve, reject } = Promise.withResolvers<AppendedEntry>();
    this.#queue.set(key, { submission, promise, resolve, reject });
    this.#gathering.arrived();
    this.#wake();
    return promise;
  }

  requireOpen(): void {
    const refusal = this.#closed ?? this.#stall() ?? this.#overflow() ?? this.#publisher.clockRefusal();
    if (refusal !== undefined) throw refusal;
    const { error } = this.#failure;
    if (error !== undefined && !this.#failure.takeTry(this.#clock.monotonicMs())) throw error;
  }

  refusal(): MayflyError | undefined {
    return this.#closed ?? this.#stall() ?? this.#failure.error ?? this.#publisher.clockRefusal();
  }

  /** A write that hangs is no failure yet, but nobody should wait behind it. */
  #stall(): MayflyError | undefined {
    if (this.#batchSinceMs === undefined) return undefined;
    const forMs = this.#clock.monotonicMs() - this.#batchSinceMs;
    return forMs > this.#limits.batchMs
      ? new MayflyError("LOG_TIMEOUT", `a batch has been under way for ${Math.round(forMs)} ms`)
      : undefined;
  }

  #overflow(): MayflyError | undefined {
    const { size } = this.#queue;
    if (size < this.#limits.maxPending) return undefined;
    return new MayflyError("LOG_QUEUE_FULL", `${size} submissions wait`);
  }

  fail(error: MayflyError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#closed = new MayflyError("LOG_CLOSED", "the log failed", { cause: error });
    this.#publisher.stop(error);
    this.#idleTimer.stop();
    this.#rejectUnreleased(error);
    for (const { reject } of this.#queue.values()) reject(error);
    this.#queue = new Map();
    this.#options.onFatal(error);
  }

  async close(): Promise<void> {
    this.#closed ??= new MayflyError("LOG_CLOSED", "the log accepts no more entries");
    this.#idleTimer.stop();
    await this.#running;
  }

  async freeze(): Promise<void> {
    await this.close();
    await this.#publisher.freeze().catch((error: unknown) => {
      if (isFatal(error)) this.fail(error);
      throw error;
    });
  }

  #wake(): void {
    this.#running ??= this.#run();
  }

  /** Until nothing waits: take what has gathered, commit it, publish, answer. Batches form while the last one is written. */
  async #run(): Promise<void> {
    while (this.#queue.size > 0 || this.#heartbeatDue) {
      await this.#gathering.gather(() => this.#queue.size);
      try {
        this.#batchSinceMs = this.#clock.monotonicMs();
        await this.#sequence();
      } catch (error) {
        this.#rejectUnreleased(error);
        if (isFatal(error)) this.fail(error);
        else this.#remember(error);
      }
      this.#batchSinceMs = undefined;
      this.#idleTimer.refresh(this.#failure.error === undefined ? this.#limits.idleMs : this.#limits.retryMs);
    }
    this.#running = undefined;
  }

  /** Commit, sign, publish, answer: in this order and no other. */
  async #sequence(): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    const heartbeat = this.#heartbeatDue;
    this.#heartbeatDue = false;
    this.#takeBatch();
    const { outcomes, head } = await this.#committer.commit(
      [...this.#batch.values()].map(({ submission }) => submission),
    );
    this.#settle(outcomes);
    this.#reportFailure(outcomes);
    this.#release();
    if (head !== undefined) await this.#publisher.publish(head);
    else if (heartbeat || this.#unreleased.size > 0) await this.#publisher.publishNewest();
    if (head !== undefined || heartbeat) this.#failure.forget();
    this.#release();
    if (head === undefined) return;
    const entries = outcomes.filter(({ kind }) => kind === "committed").length;
    this.#options.onBatch?.({ entries, treeSize: head.size, durationMs: this.#clock.monotonicMs() - startedMs });
  }

  #takeBatch(): void {
    const waiters = [...this.#queue];
    this.#batch = new Map(waiters.slice(0, this.#limits.maxBatchEntries));
    this.#queue = new Map(waiters.slice(this.#limits.maxBatchEntries));
    this.#gathering.taken(this.#batch.size);
  }

  #settle(outcomes: readonly CommitOutcome[]): void {
    let at = 0;
    for (const [key, waiter] of this.#batch) {
      const outcome = outcomes[at++];
      if (outcome === undefined || outcome.kind === "failed") {
        waiter.reject(outcome?.error ?? new TypeError("a submission has no outcome"));
      } else this.#unreleased.set(key, { ...waiter, entry: entryOf(outcome) });
    }
    this.#batch = new Map();
  }

  /** @throws what made the batch fail, when that ends the log's life */
  #reportFailure(outcomes: readonly CommitOutcome[]): void {
    const failed = outcomes.find((outcome) => outcome.kind === "failed");
    if (failed === undefined) return;
    if (isFatal(failed.error)) throw failed.error;
    this.#remember(failed.error);
  }

  /** Until something is published again, nobody should be sent here; the heartbeat tries when no caller does. */
  #remember(error: unknown): void {
    // The clock is asked anew each time.
    if (error instanceof MayflyError && error.reason !== "LOG_CLOCK") this.#failure.remember(error);
    this.#options.onFailure?.(error);
  }

  /** Answers everybody whose entry a published checkpoint covers, whoever signed it. */
  #release(): void {
    const { publishedSize } = this.#publisher;
    const waiting = new Map<string, Unreleased>();
    for (const [key, waiter] of this.#unreleased) {
      if (waiter.entry.index < publishedSize) waiter.resolve(waiter.entry);
      else waiting.set(key, waiter);
    }
    this.#unreleased = waiting;
  }

  #rejectUnreleased(error: unknown): void {
    const rejected = this.#unreleased;
    this.#unreleased = new Map();
    for (const { reject } of rejected.values()) reject(error);
  }
}

function entryOf(outcome: Exclude<CommitOutcome, { kind: "failed" }>): AppendedEntry {
  const { index } = outcome;
  return outcome.kind === "duplicate"
    ? { duplicate: true, index }
    : { duplicate: false, index, timestampMs: outcome.timestampMs };
}

/** Errors after which nobody knows what is true any more, or somebody else knows something else. */
const FATAL: ReadonlySet<Reason> = new Set<Reason>([
  "LOG_CORRUPT",
  "LOG_FORKED",
  "LOG_OUTCOME_UNKNOWN",
  "LOG_ROLLED_BACK",
]);

function isFatal(error: unknown): error is MayflyError {
  return error instanceof MayflyError && FATAL.has(error.reason);
}
