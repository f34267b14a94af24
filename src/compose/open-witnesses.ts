import { openHttpWitness } from "../adapters/witness/http-witness.ts";
import type { Config } from "../config/schema.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import type { CosignedView } from "../ctlog/static-ct-view.ts";
import { makeCheckpointCheck } from "../ctlog/verify-checkpoint.ts";
import type { SteadyClock } from "../ports/clock.ts";
import type { PublishedCheckpoint } from "../ports/log-store.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Witness } from "../ports/witness.ts";
import { SEQUENCER_LIMITS, type SequencerOptions } from "../tlog/sequencer-options.ts";
import type { Sequencer } from "../tlog/sequencer.ts";
import type { WitnessFork } from "../tlog/witness/ask-witness.ts";
import { WitnessRounds } from "../tlog/witness/witness-rounds.ts";
import { openCosignedMark } from "./cosigned-mark.ts";
import type { CosignedMarkOptions } from "./cosigned-mark.ts";
import { readForkEvidence } from "./read-fork-evidence.ts";
import { watchWitnesses } from "./watch-witnesses.ts";
import { writeForkEvidence } from "./write-fork-evidence.ts";

/** What the witnesses of one shard are opened with. */
export interface OpenWitnessesOptions extends CosignedMarkOptions {
  readonly clock: SteadyClock;
  readonly telemetry: Pick<Telemetry, "notice" | "witnessAnswer" | "witnessQuorum">;
}

/** The witnesses of one shard. */
export interface LogWitnesses extends CosignedView {
  /** What the shard's sequencer is started with. */
  readonly sequencing: Pick<SequencerOptions, "cosign" | "limits">;
  /** What a quorum, of these witnesses or of others, had cosigned before they were opened. */
  readonly kept: PublishedCheckpoint | undefined;
  /** Tells of a published checkpoint; returns at once. */
  readonly offer: (checkpoint: PublishedCheckpoint) => void;
  /**
   * Shows everybody the newest checkpoint, and waits for a few seconds for their answers. From then on a witness that has
   * seen another log ends the sequencer.
   *
   * @throws MayflyError `log_failed`: LOG_CORRUPT when the checkpoint is not what this log signed, or the log cannot prove it,
   *   LOG_ROLLED_BACK when a witness has seen more entries than there are, LOG_FORKED when it has seen others, or had before and does not cosign this checkpoint now
   */
  readonly ask: (newest: PublishedCheckpoint | undefined, sequencer: Pick<Sequencer, "fail">) => Promise<void>;
}

/** From the request's first byte to the answer's last, where nobody waits for it. */
const ANSWER_MS = 5_000;

/** At start; longer than one answer may take, and so long that one which has to be asked twice usually has answered. */
const START_MS = 7_000;

/** A witness that fails is left alone for so long at most; where certificates wait for it, for a second. */
const MAX_BACK_OFF_MS = { "after-answer": 60_000, "before-answer": 1_000 } as const;

/** Every configured witness, not asked yet. */
export function openConfiguredWitnesses({ log }: Pick<Config, "log">, clock: SteadyClock): readonly Witness[] {
  const { mode, timeoutSeconds } = log.witnessQuorum;
  const timeoutMs = mode === "before-answer" ? timeoutSeconds * 1_000 : ANSWER_MS;
  return log.witnesses.map(({ key, url }) => openHttpWitness({ key, url, timeoutMs, clock }));
}

/**
 * Opens the witnesses of one shard, with what they had cosigned before. Nobody is asked yet.
 *
 * @returns undefined when there are none
 * @throws MayflyError `log_failed` when what they had cosigned is not of this log, or beyond it
 */
export async function openWitnesses(options: OpenWitnessesOptions): Promise<LogWitnesses | undefined> {
  const { config, shard, store, clock, resources } = options;
  const { mode, required, timeoutSeconds, intervalSeconds } = config.log.witnessQuorum;
  const witnesses = openConfiguredWitnesses(config, clock);
  if (witnesses.length === 0) return undefined;
  const cosigned = await openCosignedMark(options);
  const forks = makeForkHandler(options);
  const rounds = new WitnessRounds({
    ...{ witnesses, store, clock, required },
    requireSigned: makeCheckpointCheck(await store.manifest()),
    ...watchWitnesses(shard.name, options.telemetry),
    intervalMs: intervalSeconds * 1_000,
    maxBackOffMs: MAX_BACK_OFF_MS[mode],
    onCosigned: (checkpoint) => {
      options.telemetry.witnessQuorum(shard.name, checkpoint.size);
      cosigned?.mark.advance(checkpoint);
    },
    onStoreFailure: forks.onStoreFailure,
    onFork: forks.onFork,
  });
  resources.defer(async () => {
    rounds.close();
    await Promise.all(witnesses.map((witness) => witness.close()));
  });
  if (cosigned?.kept !== undefined) rounds.restore(cosigned.kept);
  const timeoutMs = timeoutSeconds * 1_000;
  return {
    kept: cosigned?.kept,
    complete: (checkpoint) => rounds.complete(checkpoint),
    cosigned: () => rounds.cosigned,
    offer: (checkpoint) => {
      rounds.offer(checkpoint);
    },
    sequencing:
      mode === "after-answer"
        ? {}
        : {
            cosign: (checkpoint) => rounds.cosign(checkpoint, timeoutMs),
            limits: { ...SEQUENCER_LIMITS, batchMs: SEQUENCER_LIMITS.batchMs + timeoutMs },
          },
    ask: async (newest, sequencer) => {
      if (newest !== undefined) await rounds.askEverybody(newest, START_MS);
      forks.requireShown();
      requireReconciled(options, { witnesses, cosigners: newest === undefined ? [] : rounds.cosigners(newest) });
      forks.serve(sequencer);
    },
  };
}

/**
 * A fork ends the process, and something starts the process again: a witness that cannot be reached then has not taken back
 * what it said.
 */
function requireReconciled(
  { config, shard }: OpenWitnessesOptions,
  { witnesses, cosigners }: { readonly witnesses: readonly Witness[]; readonly cosigners: readonly string[] },
): void {
  if (config.log.store.kind === "memory") return;
  const evidence = readForkEvidence(config.dataDirectory, shard.origin);
  for (const { name } of witnesses) {
    const file = evidence.get(name);
    if (file === undefined || cosigners.includes(name)) continue;
    throw new MayflyError("LOG_FORKED", `witness ${name} had seen another log, and does not cosign this one: ${file}`);
  }
}

/** What is done about a witness that has seen another log: before anybody is served the start fails, later the log ends. */
function makeForkHandler({ config, shard, clock, telemetry }: OpenWitnessesOptions) {
  let serving: Pick<Sequencer, "fail"> | undefined;
  let corrupt: MayflyError | undefined;
  return {
    /** Throws what kept a witness from being shown what it had to be, where that ends a log. */
    requireShown: (): void => {
      if (corrupt !== undefined) throw corrupt;
    },
    serve: (sequencer: Pick<Sequencer, "fail">): void => {
      serving = sequencer;
    },
    onStoreFailure: (error: MayflyError): void => {
      // A store that was closed is being closed by everybody.
      if (error.reason === "LOG_CLOSED") return;
      telemetry.notice("error", "witnesses could not be shown a checkpoint", { error: describeCauses(error) });
      if (error.reason !== "LOG_CORRUPT") return;
      corrupt = error;
      serving?.fail(error);
    },
    onFork: (fork: WitnessFork): MayflyError => {
      const { witness, kind, detail } = fork;
      const isRollback = serving === undefined && kind === "ahead";
      const what = `witness ${witness}: ${detail}, where ${fork.head.size} entries are committed`;
      const error = new MayflyError(isRollback ? "LOG_ROLLED_BACK" : "LOG_FORKED", what);
      try {
        const finding = { dataDirectory: config.dataDirectory, origin: shard.origin, foundMs: clock.now() };
        const evidence = writeForkEvidence(fork, finding);
        telemetry.notice("error", "a witness has seen another log", { witness, kind, detail, evidence });
      } catch (cause) {
        const problem = describeCauses(cause);
        telemetry.notice("error", "a witness has seen another log", { witness, kind, detail, problem });
      }
      serving?.fail(error);
      return error;
    },
  };
}
