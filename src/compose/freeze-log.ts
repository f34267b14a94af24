import { readAuditTrailEnd } from "../adapters/audit/verify-audit-trail.ts";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { ConfigError } from "../config/load-config.ts";
import { namedShard } from "../config/named-shard.ts";
import type { Config } from "../config/schema.ts";
import { MayflyError } from "../core/errors.ts";
import type { LogManifest, PublishedCheckpoint } from "../ports/log-store.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { dataPaths } from "./data-paths.ts";
import type { InitContext } from "./init-log.ts";
import { lockData } from "./lock-data.ts";
import { openShard } from "./open-shard.ts";

/** A log that takes nothing more. */
export interface FrozenLogReport {
  readonly shard: string;
  readonly manifest: LogManifest;
  /** The last checkpoint it will ever have. */
  readonly final: PublishedCheckpoint;
}

/**
 * `mayfly log freeze`: signs a log's last checkpoint and has it take nothing more, for ever. One that is frozen already stays
 * as it is.
 *
 * @param name of the shard; may be left out where there is only one
 * @param onNotice told what happens on the way
 * @throws ConfigError when it is not clear which shard is meant, or there is nothing to freeze
 * @throws MayflyError when the data directory is in use, a key cannot be opened, or the log is not as it must be
 */
export async function freezeLog(
  config: Config,
  {
    env,
    pid,
    name,
    onNotice,
  }: InitContext & { readonly name?: string | undefined; readonly onNotice: Telemetry["notice"] },
): Promise<FrozenLogReport> {
  const shard = namedShard(config, name);
  if (config.log.store.kind === "memory") throw new ConfigError("log.store.kind is memory: there is nothing to freeze");
  const lock = lockData(config, pid);
  try {
    await using resources = new AsyncDisposableStack();
    const fatal: { error?: MayflyError } = {};
    const { log } = await openShard(
      { ...shard, state: "frozen" },
      {
        config,
        env,
        resources,
        clock: systemClock,
        telemetry: { notice: onNotice, ...UNHEARD },
        requestsInFlight: () => 0,
        state: () => "frozen",
        auditEnd: await readAuditTrailEnd(dataPaths(config).auditTrail),
        onFatal: (error) => {
          fatal.error ??= error;
        },
      },
    );
    if (fatal.error !== undefined) throw fatal.error;
    const final = log.checkpoint();
    if (final === undefined) throw new MayflyError("LOG_CORRUPT", "a frozen log has published nothing");
    return { shard: shard.name, manifest: log.manifest, final };
  } finally {
    lock.release();
  }
}

/** A command has no metrics. */
const UNHEARD: Pick<Telemetry, "logBatch" | "signer" | "witnessAnswer" | "witnessQuorum"> = {
  logBatch: () => undefined,
  signer: () => undefined,
  witnessAnswer: () => undefined,
  witnessQuorum: () => undefined,
};
