import { existsSync } from "node:fs";
import { openFileHighWaterMark } from "../adapters/high-water-mark/file.ts";
import { createMemoryLogStore } from "../adapters/log-store/memory/memory-log-store.ts";
import { openSqliteLogStore } from "../adapters/log-store/sqlite/sqlite-log-store.ts";
import type { AuditTrailEnd } from "../adapters/audit/verify-audit-trail.ts";
import type { ShardConfig } from "../config/log-schema.ts";
import type { Config } from "../config/schema.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import { verifyCheckpoint, verifyStoredTreeHead } from "../ctlog/verify-checkpoint.ts";
import type { HighWaterMark } from "../ports/high-water-mark.ts";
import type { LogManifest, LogStore, PublishedCheckpoint } from "../ports/log-store.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { assertLogNotBehind } from "../tlog/assert-log-not-behind.ts";
import type { KnownOfLog } from "../tlog/assert-log-not-behind.ts";
import { dataPaths, finalNotePath } from "./data-paths.ts";
import { createLogDatabase } from "./init-log.ts";

/** What a shard's store is opened with. */
export interface OpenLogStoreOptions {
  readonly config: Config;
  readonly shard: ShardConfig;
  readonly telemetry: Pick<Telemetry, "notice">;
  /** What the audit trail knows of the logs. */
  readonly auditEnd: Pick<AuditTrailEnd, "highestLogIndexes">;
  readonly onFatal: (error: MayflyError) => void;
  /** Takes what has to be closed, in the order it was opened. */
  readonly resources: AsyncDisposableStack;
}

/** The store of one shard, and what is kept of it outside. */
export interface OpenedLogStore {
  readonly store: LogStore;
  /** The newest published checkpoint; absent where nothing is kept. */
  readonly mark?: HighWaterMark;
  /** The checkpoint that the log was frozen with, under the log's id beside the audit trail; absent where nothing is kept. */
  readonly finalMark?: HighWaterMark;
  /** What the store must not be behind. */
  readonly known: KnownOfLog;
}

/**
 * Opens the store of one shard and compares it with what is remembered outside it.
 *
 * @param manifest what the log must be; undefined where no key of it is here, and its own word is taken
 * @throws MayflyError `log_failed` when there is no log, it is another one, or it is behind what was published or answered
 */
export async function openLogStore(options: OpenLogStoreOptions, manifest?: LogManifest): Promise<OpenedLogStore> {
  const { config, shard, onFatal, resources } = options;
  if (config.log.store.kind === "memory") {
    if (manifest === undefined) throw new TypeError("a log in memory is made with its keys");
    return { store: createMemoryLogStore({ manifest, onFatal }), known: { remembered: undefined } };
  }
  const paths = dataPaths(config, shard.directory);
  if (!existsSync(paths.database)) await makeMissing(options, manifest);
  const { allowAnyFilesystem } = config.log.store;
  const store = await openSqliteLogStore({ path: paths.database, onFatal, allowAnyFilesystem });
  resources.defer(() => store.close());
  const found = await store.manifest();
  requireSameLog(found, { ...found, origin: shard.origin, ...manifest });
  const mark = openMark(options, paths.headMark);
  const finalMark = openMark(options, finalNotePath(config, found.logId));
  const [remembered, published, final] = await Promise.all([mark.read(), store.published(), finalMark.read()]);
  requireTreeHeadSigned(paths.headMark, remembered, { ...options, manifest: found });
  // Only a log that signs on replaces what it has published.
  const requirePublished = found.frozenMs === undefined ? requireTreeHeadSigned : requireSigned;
  requirePublished("the published checkpoint", published, { ...options, manifest: found });
  requireSigned(finalNotePath(config, found.logId), final, { manifest: found });
  await requireFinal(store, found, final);
  const highestAnsweredIndex = options.auditEnd.highestLogIndexes[Buffer.from(found.logId).toString("hex")];
  const known: KnownOfLog = { remembered, ...(highestAnsweredIndex === undefined ? {} : { highestAnsweredIndex }) };
  await assertLogNotBehind(store, known);
  return { store, mark, finalMark, known };
}

/** Only a development server makes a log by itself, visibly: elsewhere one that is missing was lost. */
async function makeMissing({ config, shard, telemetry }: OpenLogStoreOptions, manifest?: LogManifest): Promise<void> {
  const { database } = dataPaths(config, shard.directory);
  if (config.environment !== "development" || manifest === undefined) {
    throw new MayflyError("LOG_MISSING", `there is no log at ${database}; make one with mayfly log init`);
  }
  await createLogDatabase(config, shard, manifest);
  telemetry.notice("warn", "made a new log, which only a development server does by itself", { path: database });
}

function openMark({ telemetry, shard, resources }: OpenLogStoreOptions, path: string): HighWaterMark {
  const mark = openFileHighWaterMark({
    path,
    onFailure: (error) => {
      telemetry.notice("error", "the head mark could not be written", {
        shard: shard.name,
        path,
        error: describeCauses(error),
      });
    },
  });
  resources.defer(() => mark.close());
  return mark;
}

/** A checkpoint that was changed would tell another size or time than the log ever had, and be believed. */
function requireSigned(
  where: string,
  checkpoint: PublishedCheckpoint | undefined,
  {
    manifest,
    verify = verifyCheckpoint,
  }: { readonly manifest: LogManifest; readonly verify?: typeof verifyCheckpoint },
): void {
  if (checkpoint === undefined) return;
  try {
    verify(checkpoint, manifest);
  } catch (cause) {
    throw new MayflyError("LOG_CORRUPT", `${where} is not what this log signed`, { cause });
  }
}

/**
 * The Ed25519 line says neither size nor time, and was perhaps never verified, as nobody had asked for the checkpoint (ADR 11):
 * where another one replaces it, it must not keep a log from being opened.
 */
function requireTreeHeadSigned(
  where: string,
  checkpoint: PublishedCheckpoint | undefined,
  { manifest, telemetry, shard }: Pick<OpenLogStoreOptions, "telemetry" | "shard"> & { readonly manifest: LogManifest },
): void {
  requireSigned(where, checkpoint, { manifest, verify: verifyStoredTreeHead });
  try {
    requireSigned(where, checkpoint, { manifest });
  } catch (error) {
    const what =
      "the Ed25519 signature of a stored checkpoint is wrong, its tree head is right; another will replace it";
    telemetry.notice("error", what, { shard: shard.name, error: describeCauses(error) });
  }
}

/** A log that was frozen stays so, whatever copy of its database is put in place. */
async function requireFinal(
  store: LogStore,
  { frozenMs }: LogManifest,
  final: PublishedCheckpoint | undefined,
): Promise<void> {
  if (final === undefined) return;
  if (frozenMs === undefined) {
    throw new MayflyError(
      "LOG_ROLLED_BACK",
      `the log was frozen at ${String(final.size)} entries, its database is not`,
    );
  }
  const { size, root } = await store.head();
  if (size !== final.size || Buffer.compare(root, final.root) !== 0) {
    throw new MayflyError("LOG_ROLLED_BACK", `the log was frozen with another tree, of ${String(final.size)} entries`);
  }
}

function requireSameLog(found: LogManifest, expected: LogManifest): void {
  if (found.origin !== expected.origin) {
    throw new MayflyError("LOG_WRONG_KEY", `the log was made as ${found.origin}, log.origin is ${expected.origin}`);
  }
  const sameKeys =
    Buffer.compare(found.logId, expected.logId) === 0 &&
    Buffer.compare(found.logPublicKey, expected.logPublicKey) === 0 &&
    Buffer.compare(found.checkpointPublicKey, expected.checkpointPublicKey) === 0;
  if (!sameKeys) throw new MayflyError("LOG_WRONG_KEY", "the log was made with other keys than the configured ones");
}
