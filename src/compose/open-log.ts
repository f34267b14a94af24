import type { ShardConfig } from "../config/log-schema.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import { windowRefusal } from "../ctlog/acceptance-window.ts";
import { openCertificateLog } from "../ctlog/submit-precertificate.ts";
import type { LogMetadata } from "../ctlog/log-v3-json.ts";
import { makePublicLogView } from "../ctlog/public-log-view.ts";
import { makeTreeHeadCheckpointSigner } from "../ctlog/tree-head-checkpoint-signer.ts";
import type { CertificateLog } from "../ports/certificate-log.ts";
import type { SteadyClock } from "../ports/clock.ts";
import type { PublishedCheckpoint } from "../ports/log-store.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { assertLogNotBehind } from "../tlog/assert-log-not-behind.ts";
import { makeEd25519CheckpointSigner } from "../tlog/ed25519-checkpoint-signer.ts";
import { startSequencer } from "../tlog/sequencer.ts";
import type { Sequencer } from "../tlog/sequencer.ts";
import { makeManifest } from "./init-log.ts";
import { keepFinalCheckpoint } from "./keep-final-checkpoint.ts";
import { openLogStore } from "./open-log-store.ts";
import type { OpenedLogStore, OpenLogStoreOptions } from "./open-log-store.ts";
import type { LogSigners } from "./open-log-signers.ts";
import { openWitnesses } from "./open-witnesses.ts";
import type { LogWitnesses } from "./open-witnesses.ts";
import type { ReadableLog } from "./readable-log.ts";

/** What a log is opened with. */
export interface OpenLogOptions extends OpenLogStoreOptions {
  readonly signers: LogSigners;
  readonly clock: SteadyClock;
  readonly telemetry: Pick<Telemetry, "notice" | "logBatch" | "signer" | "witnessAnswer" | "witnessQuorum">;
  /** Callers admitted and not answered yet. */
  readonly requestsInFlight: () => number;
  /** Of the shard, as it is configured now. */
  readonly state: () => ShardConfig["state"];
}

/** A log that accepts certificates and shows them. */
export interface OpenedLog extends ReadableLog {
  readonly certificateLog: CertificateLog;
  /** Why the next certificate would be refused, if it would be. */
  readonly refusal: () => MayflyError | undefined;
  /** Entries that are committed. */
  readonly size: () => Promise<number>;
  /**
   * Finishes what was accepted, signs it a last time, and has the log take nothing more, for ever. May be called again
   * where it failed.
   *
   * @throws MayflyError `log_failed` or `log_unavailable`
   */
  readonly freeze: () => Promise<void>;
}

/**
 * Opens one shard of the embedded log: its store, compared with what is remembered outside it, and the sequencer that
 * writes to it.
 *
 * @throws MayflyError `log_failed` when there is no log, it is another one, it is frozen, or it is behind what was published
 *   or answered
 */
export async function openLog(options: OpenLogOptions): Promise<OpenedLog> {
  const { shard, signers, clock } = options;
  const manifest = makeManifest(shard.origin, signers, clock.now());
  const opened = await openLogStore(options, manifest);
  const { store, mark } = opened;
  const found = await store.manifest();
  if (found.frozenMs !== undefined) {
    throw new MayflyError(
      "LOG_FROZEN",
      `the log of shard ${shard.name} is frozen: it can only be configured as frozen`,
    );
  }
  const witnesses = await openWitnesses({ ...options, store });
  const { sequencer, newest } = await startWriting(options, opened, witnesses);
  const { window } = shard;
  let frozen: LogMetadata["final"];
  const metadata = (): Omit<LogMetadata, "manifest"> => ({
    ...(window === undefined ? {} : { window }),
    state: options.state() === "staged" ? "pending" : "usable",
    ...(frozen === undefined ? {} : { final: frozen }),
  });
  const limited = window === undefined ? {} : { during: { window, clock } };
  return {
    manifest: found,
    certificateLog: await openCertificateLog({
      ...{ sequencer, store, logSigner: signers.log, checkpointSigner: signers.checkpoint },
      ...limited,
    }),
    view: makePublicLogView({
      ...{ store, manifest: found, metadata, witnesses },
      onCorrupt: (error) => {
        sequencer.fail(error);
      },
    }),
    refusal: () =>
      sequencer.refusal() ??
      (window === undefined ? undefined : windowRefusal(window, clock.now())) ??
      signers.log.service?.refusal() ??
      signers.checkpoint.service?.refusal(),
    markFailure: () => mark?.failure(),
    checkpoint: newest,
    size: async () => (await store.head()).size,
    freeze: async () => {
      // What froze it before may not have come as far as the note about it.
      if ((await store.manifest()).frozenMs === undefined) await sequencer.freeze();
      await mark?.flush();
      const treeHead = await keepFinalCheckpoint(opened);
      frozen = { frozenMs: treeHead.timestampMs, treeHead };
    },
  };
}

interface Writing {
  readonly sequencer: Sequencer;
  readonly newest: () => PublishedCheckpoint | undefined;
}

async function startWriting(
  options: OpenLogOptions,
  { store, mark, known }: OpenedLogStore,
  witnesses: LogWitnesses | undefined,
): Promise<Writing> {
  const { shard, signers, telemetry, resources } = options;
  const { origin, name } = shard;
  let newest: PublishedCheckpoint | undefined;
  let isJudged = false;
  const sequencer = await startSequencer({
    store,
    clock: options.clock,
    origin,
    checkpointSigners: [
      makeTreeHeadCheckpointSigner(origin, signers.log),
      makeEd25519CheckpointSigner(origin, signers.checkpoint),
    ],
    ...witnesses?.sequencing,
    // Nobody is on the way to a shard that is staged, or was active.
    onTheWay: () => (options.state() === "active" ? options.requestsInFlight() : 0),
    onBatch: (batch) => {
      telemetry.logBatch({ shard: name, ...batch });
    },
    onPublish: (checkpoint) => {
      newest = checkpoint;
      // A log that is still to be compared with the mark must not replace it: the next start would find them alike.
      if (!isJudged) return;
      mark?.advance(checkpoint);
      witnesses?.offer(checkpoint);
    },
    onFailure: (error) => {
      telemetry.notice("error", "a batch of the log failed", { shard: name, error: describeCauses(error) });
    },
    onFatal: options.onFatal,
  });
  resources.defer(() => sequencer.close());
  // After a power loss the published head may have been too old to compare with; now the committed one is published.
  await assertLogNotBehind(store, known);
  await witnesses?.ask(newest, sequencer);
  isJudged = true;
  if (newest !== undefined) mark?.advance(newest);
  // Before anybody is served: entries of which nothing outside the database knows would be refused by the next start.
  await mark?.flush();
  return { sequencer, newest: () => newest };
}
