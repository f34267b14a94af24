import type { ShardSource } from "../adapters/telemetry/shard-metrics.ts";
import type { ShardConfig, SigningShardConfig } from "../config/log-schema.ts";
import { planShardChange } from "../config/shard-change.ts";
import { settingName } from "../config/setting-name.ts";
import type { ShardChange } from "../config/shard-change.ts";
import { MayflyError } from "../core/errors.ts";
import type { OpenedLog } from "./open-log.ts";
import { openShard } from "./open-shard.ts";
import type { OpenedShard, OpenShardOptions } from "./open-shard.ts";
import type { ReadableLog } from "./readable-log.ts";

/** A shard in service. */
export interface ShardInService {
  readonly config: ShardConfig;
  readonly opened: OpenedShard;
}

/** The shard that issues. */
export interface ActiveShard {
  readonly config: SigningShardConfig;
  readonly log: OpenedLog;
}

/** The shards of a service: all of them open, one of them the one that issues. */
export class LogShards {
  readonly #options: Omit<OpenShardOptions, "state">;
  /** By origin, for those that were opened with another. */
  readonly #states = new Map<string, ShardConfig["state"]>();
  #all: readonly ShardInService[] = [];

  private constructor(options: Omit<OpenShardOptions, "state">) {
    this.#options = options;
  }

  /**
   * Opens every shard, one after the other.
   *
   * @throws MayflyError `signer_failed` or `log_failed` when one of them cannot be opened as it is configured
   */
  static async open(shards: readonly ShardConfig[], options: Omit<OpenShardOptions, "state">): Promise<LogShards> {
    const opened = new LogShards(options);
    for (const shard of shards) opened.#all = [...opened.#all, await opened.#open(shard, options.resources)];
    opened.#warnOfUnknownLogs();
    return opened;
  }

  /** Every shard, in the order of the configuration; another list whenever something about it has changed. */
  get all(): readonly ShardInService[] {
    return this.#all;
  }

  /** The one that issues. */
  get active(): ActiveShard {
    for (const { config, opened } of this.#all) {
      if (config.state === "active" && opened.kind === "signing") return { config, log: opened.log };
    }
    throw new TypeError("no shard is active");
  }

  /** DER of every public key that signs for a log, or did. */
  get publicKeys(): readonly Uint8Array[] {
    return this.#all.flatMap(({ opened: { log } }) => [log.manifest.logPublicKey, log.manifest.checkpointPublicKey]);
  }

  /** What it takes to have the shards that are wanted, or what speaks against it. */
  plan(wanted: readonly ShardConfig[]): ShardChange {
    return planShardChange(
      this.#all.map(({ config }) => config),
      wanted,
    );
  }

  /**
   * Opens what is new and puts the wanted shards into force. A shard that has become frozen goes on as it was until
   * {@link LogShards.freeze}: requests may be under way that issue in it.
   *
   * @param added those of {@link LogShards.plan}, where there were no refusals
   * @throws MayflyError when one cannot be opened; then nothing has changed
   */
  async change(wanted: readonly ShardConfig[], added: ShardChange["added"]): Promise<void> {
    const before = this.#all;
    // Where one of them fails, those opened before it are closed again: the next attempt opens them anew.
    await using theirs = new AsyncDisposableStack();
    try {
      for (const shard of added) this.#all = [...this.#all, await this.#open(shard, theirs)];
    } catch (error) {
      this.#all = before;
      throw error;
    }
    if (added.length > 0) this.#options.resources.use(theirs.move());
    for (const { origin, state } of wanted) this.#states.set(origin, state);
    const known = new Map(this.#all.map((shard) => [shard.config.origin, shard]));
    this.#all = wanted.flatMap((config) => {
      const shard = known.get(config.origin);
      return shard === undefined ? [] : [{ ...shard, config }];
    });
  }

  /**
   * Freezes a shard that has become frozen by configuration, and lets go of its keys. Does nothing with one that is.
   *
   * @throws MayflyError when it could not be frozen; it may be tried again
   */
  async freeze(origin: string): Promise<void> {
    const shard = this.#all.find(({ config }) => config.origin === origin && config.state === "frozen");
    if (shard?.opened.kind !== "signing") return;
    const { config, opened } = shard;
    await opened.log.freeze();
    this.#all = this.#all.map((one) =>
      one.opened === opened ? { ...one, opened: { kind: "frozen", log: opened.log } } : one,
    );
    this.#options.telemetry.notice("info", "log frozen", { shard: config.name });
    await Promise.all([opened.signers.log.close(), opened.signers.checkpoint.close()]);
  }

  /** @param resources takes the shard when it is open */
  async #open(shard: ShardConfig, resources: AsyncDisposableStack): Promise<ShardInService> {
    await using mine = new AsyncDisposableStack();
    const state = (): ShardConfig["state"] => this.#states.get(shard.origin) ?? shard.state;
    const opened = await openShard(shard, { ...this.#options, resources: mine, state });
    this.#requireOwnKeys(shard, opened.log);
    resources.use(mine.move());
    return { config: shard, opened };
  }

  /** The configuration tells keys apart by their files; here they are. */
  #requireOwnKeys({ name, place }: ShardConfig, { manifest }: ReadableLog): void {
    for (const { config, opened } of this.#all) {
      const other = opened.log.manifest;
      const isSame =
        Buffer.compare(manifest.logId, other.logId) === 0 ||
        Buffer.compare(manifest.checkpointPublicKey, other.checkpointPublicKey) === 0;
      if (!isSame) continue;
      const detail = `${settingName(place)}: shards ${config.name} and ${name} have a key in common; a key is one log's`;
      throw new MayflyError("LOG_WRONG_KEY", detail);
    }
  }

  /** What was answered from a log must stay to be read. */
  #warnOfUnknownLogs(): void {
    const { auditEnd, telemetry } = this.#options;
    const known = new Set(this.#all.map(({ opened }) => Buffer.from(opened.log.manifest.logId).toString("hex")));
    for (const [logId, highestLogIndex] of Object.entries(auditEnd.highestLogIndexes)) {
      if (known.has(logId)) continue;
      telemetry.notice("warn", "certificates were issued in a log that is not configured", { logId, highestLogIndex });
    }
  }
}

/** A shard as metrics show it. */
export function shardSource({ config, opened }: ShardInService): ShardSource {
  const { name, state, window } = config;
  const checkpoint = opened.log.checkpoint();
  return {
    name,
    state,
    windowEndMs: window?.endMs,
    checkpoint: checkpoint && { treeSize: checkpoint.size, timestampMs: checkpoint.timestampMs },
  };
}
