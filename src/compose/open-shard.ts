import type { FrozenShardConfig, ShardConfig } from "../config/log-schema.ts";
import { MayflyError } from "../core/errors.ts";
import { refuseDevelopmentKeys } from "./development-keys.ts";
import { openFrozenLog } from "./open-frozen-log.ts";
import { openLog } from "./open-log.ts";
import type { OpenedLog, OpenLogOptions } from "./open-log.ts";
import { openLogSigners } from "./open-log-signers.ts";
import type { LogSigners, LogSignersConfig } from "./open-log-signers.ts";
import type { Environment } from "./read-secret.ts";
import type { ReadableLog } from "./readable-log.ts";
import { signersOfService } from "./signer-roles.ts";

/** What every shard of a service is opened with. */
export interface OpenShardOptions extends Omit<OpenLogOptions, "shard" | "signers"> {
  readonly env: Environment;
}

/** A shard that is open: one that signs, or one that is only read. */
export type OpenedShard =
  | { readonly kind: "signing"; readonly log: OpenedLog; readonly signers: LogSigners }
  | { readonly kind: "frozen"; readonly log: ReadableLog };

/**
 * Opens a shard as it is configured. A log that is configured as frozen and is not yet is frozen now, if its keys are here:
 * a hand-over was cut short.
 *
 * @throws MayflyError `signer_failed` or `log_failed`, naming what cannot be opened
 */
export async function openShard(shard: ShardConfig, options: OpenShardOptions): Promise<OpenedShard> {
  if (shard.state !== "frozen") return openSigning(shard, shard, options);
  const log = await openIfFrozen(shard, options);
  return { kind: "frozen", log: log ?? (await freezeNow(shard, options)) };
}

async function openSigning(
  shard: ShardConfig,
  keys: LogSignersConfig,
  options: OpenShardOptions,
): Promise<Extract<OpenedShard, { kind: "signing" }>> {
  const { config, resources } = options;
  const signers = await openLogSigners(keys, signersOfService(options));
  for (const signer of [signers.log, signers.checkpoint]) resources.defer(() => signer.close());
  refuseDevelopmentKeys(config, [signers.log, signers.checkpoint]);
  const log = await openLog({ ...options, shard, signers });
  if (shard.state === "staged" && (await log.size()) > 0) {
    const detail = `the log of shard ${shard.name} has entries: it was active, and is not staged again`;
    throw new MayflyError("LOG_FROZEN", detail);
  }
  return { kind: "signing", log, signers };
}

/** What is opened for a log that turns out not to be frozen is closed again, for its one writer to open it. */
async function openIfFrozen(shard: FrozenShardConfig, options: OpenShardOptions): Promise<ReadableLog | undefined> {
  await using mine = new AsyncDisposableStack();
  const log = await openFrozenLog({ ...options, shard, resources: mine });
  if (log !== undefined) options.resources.use(mine.move());
  return log;
}

async function freezeNow(shard: FrozenShardConfig, options: OpenShardOptions): Promise<ReadableLog> {
  const { signer, checkpointSigner } = shard;
  if (signer === undefined || checkpointSigner === undefined) {
    const how = `run mayfly log freeze --shard ${shard.name}, with its keys in the configuration`;
    throw new MayflyError("LOG_WRONG_KEY", `the log of shard ${shard.name} is not frozen yet: ${how}`);
  }
  const { log } = await openSigning(
    shard,
    { place: shard.place, signer, checkpointSigner } satisfies LogSignersConfig,
    options,
  );
  await log.freeze();
  options.telemetry.notice("info", "log frozen", { shard: shard.name });
  return log;
}
