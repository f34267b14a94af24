import type { CosignedView } from "../ctlog/static-ct-view.ts";
import { makePublicLogView } from "../ctlog/public-log-view.ts";
import { openCosignedMark } from "./cosigned-mark.ts";
import { keepFinalCheckpoint } from "./keep-final-checkpoint.ts";
import { openLogStore } from "./open-log-store.ts";
import { openWitnesses } from "./open-witnesses.ts";
import type { LogWitnesses, OpenWitnessesOptions } from "./open-witnesses.ts";
import type { OpenLogStoreOptions } from "./open-log-store.ts";
import type { ReadableLog } from "./readable-log.ts";

/**
 * Opens a frozen shard: nothing but its store, which is compared with what is remembered of it, and witnesses of its last
 * checkpoint, whom nobody waits for. No key is needed.
 *
 * @returns undefined when the log is there and not frozen
 * @throws MayflyError `log_failed` when there is no log, it is another one, or it is behind what was published or answered
 */
export async function openFrozenLog(
  options: OpenLogStoreOptions & Pick<OpenWitnessesOptions, "clock" | "telemetry">,
): Promise<ReadableLog | undefined> {
  const opened = await openLogStore(options);
  const { store, mark } = opened;
  const manifest = await store.manifest();
  if (manifest.frozenMs === undefined) return undefined;
  const checkpoint = await keepFinalCheckpoint(opened);
  // A process that ended while it froze the log may have left an older one there.
  mark?.advance(checkpoint);
  await mark?.flush();
  const witnesses = await openCosigned({ ...options, store });
  witnesses.offer(checkpoint);
  const { window } = options.shard;
  const metadata = {
    ...(window === undefined ? {} : { window }),
    final: { frozenMs: manifest.frozenMs, treeHead: checkpoint },
  };
  return {
    manifest,
    view: makePublicLogView({ store, manifest, metadata: () => metadata, witnesses }),
    checkpoint: () => checkpoint,
    markFailure: () => mark?.failure(),
  };
}

/** What witnesses have cosigned stays to be read, also when they are no longer configured, or have become others. */
async function openCosigned(options: OpenWitnessesOptions): Promise<CosignedView & Pick<LogWitnesses, "offer">> {
  const witnesses = await openWitnesses(options);
  const kept = witnesses === undefined ? (await openCosignedMark(options))?.kept : witnesses.kept;
  return {
    complete: (checkpoint) => witnesses?.complete(checkpoint) ?? checkpoint,
    cosigned: () => witnesses?.cosigned() ?? kept,
    offer: (checkpoint) => witnesses?.offer(checkpoint),
  };
}
