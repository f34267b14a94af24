import { existsSync } from "node:fs";
import type { AuditTrailEnd } from "../adapters/audit/verify-audit-trail.ts";
import { openFileHighWaterMark } from "../adapters/high-water-mark/file.ts";
import { createMemoryLogStore } from "../adapters/log-store/memory/memory-log-store.ts";
import { openSqliteLogStore } from "../adapters/log-store/sqlite/sqlite-log-store.ts";
import { activeShard } from "../config/active-shard.ts";
import type { Config } from "../config/schema.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import { makeTreeHeadCheckpointSigner } from "../ctlog/tree-head-checkpoint-signer.ts";
import { makePublicLogView } from "../ctlog/public-log-view.ts";
import type { PublicLogView } from "../ctlog/public-log-view.ts";
import { verifyCheckpoint } from "../ctlog/verify-checkpoint.ts";
import { openCertificateLog } from "../ctlog/submit-precertificate.ts";
import type { CertificateLog } from "../ports/certificate-log.ts";
import type { SteadyClock } from "../ports/clock.ts";
import type { HighWaterMark } from "../ports/high-water-mark.ts";
import type { LogManifest, LogStore, PublishedCheckpoint } from "../ports/log-store.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { makeEd25519CheckpointSigner } from "../tlog/ed25519-checkpoint-signer.ts";
import { startSequencer } from "../tlog/sequencer.ts";
import { assertLogNotBehind } from "../tlog/assert-log-not-behind.ts";
import type { KnownOfLog } from "../tlog/assert-log-not-behind.ts";
import { dataPaths } from "./data-paths.ts";
import { createLogDatabase, makeManifest } from "./init-log.ts";
import type { LogSigners } from "./open-log-signers.ts";
import { openWitnesses } from "./open-witnesses.ts";

/** What a log is opened with. */
export interface OpenLogOptions {
  readonly config: Config;
  readonly signers: LogSigners;
  readonly clock: SteadyClock;
  readonly telemetry: Telemetry;
  /** Callers admitted and not answered yet. */
  readonly requestsInFlight: () => number;
  /** What the audit trail knows of the log. */
  readonly auditEnd: Pick<AuditTrailEnd, "highestLogIndexes">;
  readonly onFatal: (error: MayflyError) => void;
  /** Takes what has to be closed, in the order it was opened. */
  readonly resources: AsyncDisposableStack;
}

/** A log that accepts certificates and shows them. */
export interface OpenedLog {
  readonly certificateLog: CertificateLog;
  readonly view: PublicLogView;
  /** Why the next certificate would be refused, if it would be. */
  readonly refusal: () => MayflyError | undefined;
  /** Why the head mark is behind the log, if the last attempt to write it failed. */
  readonly markFailure: () => unknown;
  /** The newest published checkpoint. */
  readonly checkpoint: () => PublishedCheckpoint | undefined;
}

/**
 * Opens the embedded log: its store, compared with what is remembered outside it, and the sequencer that writes to it.
 *
 * @throws MayflyError `log_failed` when there is no log, it is another one, or it is behind what was published or answered
 */
export async function openLog(options: OpenLogOptions): Promise<OpenedLog> {
  const { config, signers, telemetry, resources, onFatal } = options;
  const { origin } = activeShard(config);
  const { store, mark, known } = await openStore(options);
  const witnesses = await openWitnesses({ ...options, shard: activeShard(config), store });
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
    onTheWay: options.requestsInFlight,
    onBatch: (batch) => {
      telemetry.logBatch(batch);
    },
    onPublish: (checkpoint) => {
      newest = checkpoint;
      // A log that is still to be compared with the mark must not replace it: the next start would find them alike.
      if (!isJudged) return;
      mark?.advance(checkpoint);
      witnesses?.offer(checkpoint);
    },
    onFailure: (error) => {
      telemetry.notice("error", "a batch of the log failed", { error: describeCauses(error) });
    },
    onFatal,
  });
  resources.defer(() => sequencer.close());
  // After a power loss the published head may have been too old to compare with; now the committed one is published.
  await assertLogNotBehind(store, known);
  await witnesses?.ask(newest, sequencer);
  isJudged = true;
  if (newest !== undefined) mark?.advance(newest);
  // Before anybody is served: entries of which nothing outside the database knows would be refused by the next start.
  await mark?.flush();
  return {
    certificateLog: await openCertificateLog({ sequencer, store, logSigner: signers.log }),
    view: makePublicLogView({ store, manifest: await store.manifest(), witnesses }),
    refusal: () => sequencer.refusal(),
    markFailure: () => mark?.failure(),
    checkpoint: () => newest,
  };
}

interface OpenedStore {
  readonly store: LogStore;
  readonly mark?: HighWaterMark;
  readonly known: KnownOfLog;
}

async function openStore(options: OpenLogOptions): Promise<OpenedStore> {
  const { config, signers, clock, telemetry, onFatal, resources } = options;
  const shard = activeShard(config);
  const manifest = makeManifest(shard.origin, signers, clock.now());
  if (config.log.store.kind === "memory") {
    return { store: createMemoryLogStore({ manifest, onFatal }), known: { remembered: undefined } };
  }
  const paths = dataPaths(config, shard.directory);
  if (!existsSync(paths.database)) {
    if (config.environment !== "development") {
      throw new MayflyError("LOG_MISSING", `there is no log at ${paths.database}; make one with mayfly log init`);
    }
    await createLogDatabase(config, shard, manifest);
    telemetry.notice("warn", "made a new log, which only a development server does by itself", {
      path: paths.database,
    });
  }
  const store = await openSqliteLogStore({
    path: paths.database,
    onFatal,
    allowAnyFilesystem: config.log.store.allowAnyFilesystem,
  });
  resources.defer(() => store.close());
  const mark = openFileHighWaterMark({
    path: paths.headMark,
    onFailure: (error) => {
      telemetry.notice("error", "the head mark could not be written", { error: describeCauses(error) });
    },
  });
  resources.defer(() => mark.close());
  await assertSameLog(store, manifest);
  const remembered = await mark.read();
  requireSigned(paths.headMark, remembered, manifest);
  requireSigned("the published checkpoint", await store.published(), manifest);
  const highestLogIndex = options.auditEnd.highestLogIndexes[Buffer.from(manifest.logId).toString("hex")];
  const known: KnownOfLog = {
    remembered,
    ...(highestLogIndex === undefined ? {} : { highestAnsweredIndex: highestLogIndex }),
  };
  await assertLogNotBehind(store, known);
  return { store, mark, known };
}

/** A checkpoint that was changed would tell another size or time than the log ever had, and be believed. */
function requireSigned(where: string, checkpoint: PublishedCheckpoint | undefined, manifest: LogManifest): void {
  if (checkpoint === undefined) return;
  try {
    verifyCheckpoint(checkpoint, manifest);
  } catch (cause) {
    throw new MayflyError("LOG_CORRUPT", `${where} is not what this log signed`, { cause });
  }
}

async function assertSameLog(store: LogStore, expected: LogManifest): Promise<void> {
  const manifest = await store.manifest();
  if (manifest.origin !== expected.origin) {
    throw new MayflyError("LOG_WRONG_KEY", `the log was made as ${manifest.origin}, log.origin is ${expected.origin}`);
  }
  const sameKeys =
    Buffer.compare(manifest.logId, expected.logId) === 0 &&
    Buffer.compare(manifest.logPublicKey, expected.logPublicKey) === 0 &&
    Buffer.compare(manifest.checkpointPublicKey, expected.checkpointPublicKey) === 0;
  if (!sameKeys) throw new MayflyError("LOG_WRONG_KEY", "the log was made with other keys than the configured ones");
}
