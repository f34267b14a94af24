import type { MayflyError } from "../core/errors.ts";
import type { SteadyClock } from "../ports/clock.ts";
import type { LogStore, PublishedCheckpoint } from "../ports/log-store.ts";
import type { CheckpointSigner } from "./checkpoint-signer.ts";
import type { GatheringLimits } from "./gathering.ts";
import type { StartIdleTimer } from "./idle-timer.ts";

/** Bounds of a sequencer. */
export interface SequencerLimits extends GatheringLimits {
  /** Submissions that may wait for their batch. */
  readonly maxPending: number;
  /** A batch that takes longer is stuck: what comes meanwhile is refused at once. */
  readonly batchMs: number;
  /** A checkpoint that no entry replaced for so long is signed again, so that readers see the log is alive. */
  readonly idleMs: number;
  /** After a failed batch the newest checkpoint is signed again so soon: callers may stay away until one was published. */
  readonly retryMs: number;
}

/** Limits that suit a log on a local disk. */
export const SEQUENCER_LIMITS: SequencerLimits = {
  maxBatchEntries: 256,
  maxPending: 1_024,
  batchMs: 2_000,
  idleMs: 60_000,
  retryMs: 5_000,
  gatherMs: 25,
  gatherQuietMs: 2,
};

/** One batch that was committed and published. */
export interface SequencedBatch {
  readonly entries: number;
  readonly treeSize: number;
  readonly durationMs: number;
}

/** What a sequencer is made of. */
export interface SequencerOptions {
  readonly store: LogStore;
  readonly clock: SteadyClock;
  readonly origin: string;
  /** Keys that sign each checkpoint, in the order of their lines. */
  readonly checkpointSigners: readonly CheckpointSigner[];
  readonly limits?: SequencerLimits;
  /**
   * How many submissions are queued or may come within moments: callers who were admitted and not answered yet. A batch
   * gathers them, up to `gatherMs`; a lone caller waits for nobody. Without it, no batch waits.
   */
  readonly onTheWay?: () => number;
  readonly onBatch?: (batch: SequencedBatch) => void;
  /**
   * Shows a signed checkpoint to witnesses before it is published, and gives it with their cosignatures. While it throws,
   * nothing is published, and nobody is answered. Left out, nobody waits for witnesses.
   *
   * @throws MayflyError `log_unavailable` (WITNESS_QUORUM_MISSED), after which a later checkpoint is tried
   */
  readonly cosign?: (checkpoint: PublishedCheckpoint) => Promise<PublishedCheckpoint>;
  /** Each checkpoint after it was published, for whoever remembers them outside the store. */
  readonly onPublish?: (checkpoint: PublishedCheckpoint) => void;
  /** Batches and heartbeats that failed without harm to the log; nothing needs to be done about it. */
  readonly onFailure?: (error: unknown) => void;
  /**
   * The log must not be used any more and the process should end; only a new start recovers. The store may have said so
   * to whoever opened it already.
   */
  readonly onFatal: (error: MayflyError) => void;
  readonly startIdleTimer?: StartIdleTimer;
}
