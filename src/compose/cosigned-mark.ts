import { openFileHighWaterMark } from "../adapters/high-water-mark/file.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import { verifyCheckpoint } from "../ctlog/verify-checkpoint.ts";
import type { HighWaterMark } from "../ports/high-water-mark.ts";
import type { LogStore, PublishedCheckpoint } from "../ports/log-store.ts";
import { assertLogNotBehind } from "../tlog/assert-log-not-behind.ts";
import { dataPaths } from "./data-paths.ts";
import type { OpenLogStoreOptions } from "./open-log-store.ts";

/** Where the newest checkpoint is kept that a quorum of witnesses has cosigned. */
export interface CosignedMark {
  readonly mark: HighWaterMark;
  /** As it was kept before. */
  readonly kept: PublishedCheckpoint | undefined;
}

/** What a shard's mark is opened with. */
export interface CosignedMarkOptions extends Pick<OpenLogStoreOptions, "config" | "shard" | "telemetry" | "resources"> {
  readonly store: LogStore;
}

/**
 * Opens what is kept of the witnesses' cosignatures of one shard, and compares it with the log.
 *
 * @returns undefined where nothing is kept
 * @throws MayflyError `log_failed`: LOG_CORRUPT when it is not of this log, LOG_ROLLED_BACK when it is beyond it
 */
export async function openCosignedMark(options: CosignedMarkOptions): Promise<CosignedMark | undefined> {
  const { config, shard, telemetry, resources, store } = options;
  if (config.log.store.kind === "memory") return undefined;
  const path = dataPaths(config, shard.directory).cosignedMark;
  const mark = openFileHighWaterMark({
    path,
    onFailure: (error) => {
      telemetry.notice("error", "the cosigned checkpoint could not be written", { path, error: describeCauses(error) });
    },
  });
  resources.defer(() => mark.close());
  const kept = await mark.read();
  if (kept !== undefined) await requireOwn(store, kept);
  return { mark, kept };
}

/** What a quorum has cosigned is known to others: a log that is not its continuation must not go on. */
async function requireOwn(store: LogStore, kept: PublishedCheckpoint): Promise<void> {
  try {
    verifyCheckpoint(kept, await store.manifest());
  } catch (cause) {
    throw new MayflyError("LOG_CORRUPT", "the cosigned checkpoint is not what this log signed", { cause });
  }
  await assertLogNotBehind(store, { remembered: kept });
}
