import type { ProcessTelemetry } from "../adapters/telemetry/open-telemetry.ts";
import type { ConfigReading } from "../adapters/telemetry/config-metrics.ts";
import type { ChangeableRateLimits } from "../adapters/limits/open-rate-limits.ts";
import { configInForce, waitingSettings } from "../config/config-in-force.ts";
import { ConfigError } from "../config/load-config.ts";
import { recordFilesRead } from "../config/read-settings-file.ts";
import type { FilesRead } from "../config/read-settings-file.ts";
import { checkConfig, unsafeOptions } from "../config/rules.ts";
import type { Config } from "../config/schema.ts";
import { settingName } from "../config/setting-name.ts";
import { describeCauses } from "../core/errors.ts";
import type { PauseSwitch } from "../issuance/pause-switch.ts";
import type { AuditTrail } from "../ports/audit-trail.ts";
import type { Clock } from "../ports/clock.ts";
import type { ConfigurationSource } from "./configuration-source.ts";
import type { HandOver } from "./hand-over.ts";
import { openConfiguration } from "./open-configuration.ts";
import type { OpenedConfiguration } from "./open-configuration.ts";

/** What a configuration that is read again has an effect on. */
export interface ConfigurationInForceParts {
  /** What the service was started with. */
  readonly started: ConfigurationSource;
  /** Files that the start has read; none where nobody waits for changes. */
  readonly files?: FilesRead;
  /** Rejects when the configuration cannot be put into force, or must not follow the one before. */
  readonly openSource: (opened: OpenedConfiguration, before: ConfigurationSource) => Promise<ConfigurationSource>;
  readonly shards: Pick<HandOver, "change" | "plan">;
  readonly rateLimits: Pick<ChangeableRateLimits, "change">;
  readonly pauseSwitch: Pick<PauseSwitch, "set">;
  readonly telemetry: Pick<ProcessTelemetry, "configRead" | "notice" | "safeOption" | "unsafeOption">;
  readonly audit: Pick<AuditTrail, "append">;
  /** Number of the generation in force. */
  readonly generation: () => number;
  readonly clock: Pick<Clock, "now">;
}

/** Why a configuration is read: an operator said so, or a file has changed. */
export type ReadingCause = "change" | "signal";

const REFUSED = "configuration refused; the one before stays in force";

/** The configuration that requests are judged by, and how another one takes its place. */
export class ConfigurationInForce {
  readonly #parts: ConfigurationInForceParts;
  readonly #started: Config;
  #source: ConfigurationSource;
  #files: FilesRead;
  /** Those of what is in force. */
  #filesInForce: FilesRead;
  #lastFailure: string | undefined;

  constructor(parts: ConfigurationInForceParts) {
    this.#parts = parts;
    this.#source = parts.started;
    this.#started = parts.started.opened.config;
    this.#files = parts.files ?? new Map();
    this.#filesInForce = this.#files;
  }

  /** What is in force. */
  get source(): ConfigurationSource {
    return this.#source;
  }

  /** Files that were read last, with what they held; where they were refused, also those of what is in force. */
  get files(): FilesRead {
    return this.#files;
  }

  /** Why the configuration that was read last is not in force; undefined when it is. */
  get lastFailure(): string | undefined {
    return this.#lastFailure;
  }

  /**
   * Reads the configuration again, judges it whole, and puts it into force as one generation; or changes nothing and says
   * why. What cannot change in a running service is named as waiting for the next start. One reading at a time.
   * Never rejects.
   *
   * @param read gives the configuration or throws a ConfigError
   */
  async readAgain(read: () => Config, cause: ReadingCause): Promise<void> {
    const { telemetry, clock } = this.#parts;
    try {
      const result = await this.#replace(read, cause);
      this.#lastFailure = undefined;
      this.#filesInForce = this.#files;
      telemetry.configRead(result, clock.now());
      telemetry.notice("info", "configuration read again", { result, digest: this.#source.opened.digest });
    } catch (error) {
      this.#lastFailure = describeCauses(error);
      telemetry.configRead("refused", clock.now());
      telemetry.notice("error", REFUSED, { error: this.#lastFailure });
    }
  }

  async #replace(read: () => Config, cause: ReadingCause): Promise<Exclude<ConfigReading, "refused">> {
    const { shards, pauseSwitch } = this.#parts;
    const { wanted, opened } = this.#judge(read);
    const { paused } = opened.config.issuance;
    // A file that is changed for another reason must not release a brake that was pulled by a signal.
    const setBrake = (isPaused: boolean): void => {
      if (cause === "signal" || paused !== this.#source.opened.config.issuance.paused) pauseSwitch.set(isPaused);
    };
    const change = shards.plan(opened.config.log.shards);
    if (change.refusals.length > 0) throw new ConfigError(`log.shards: ${change.refusals.join("; ")}`);
    // At once, and before what may take a while or fail: it is a brake. It is released with all the rest.
    if (paused) setBrake(true);
    this.#nameWaiting(wanted, opened.config);
    if (opened.digest === this.#source.opened.digest) {
      setBrake(paused);
      return "unchanged";
    }
    const source = await this.#parts.openSource(opened, this.#source);
    try {
      await shards.change(opened.config.log.shards, change, source);
    } catch (error) {
      await source.close();
      throw error;
    }
    setBrake(paused);
    this.#follow(source);
    await this.#record(cause);
    return "applied";
  }

  /** Everything that can be known without the network and without opening a key or a log. */
  #judge(read: () => Config): { readonly wanted: Config; readonly opened: OpenedConfiguration } {
    const files = new Map<string, string>();
    try {
      const judged = recordFilesRead(files, () => {
        const wanted = read();
        const config = configInForce(this.#started, wanted);
        const faults = checkConfig(config).map(({ path, message }) => `${settingName(path)}: ${message}`);
        if (faults.length > 0) throw new ConfigError(`beside the settings of the start: ${faults.join("; ")}`);
        return { wanted, opened: openConfiguration(config) };
      });
      this.#files = files;
      return judged;
    } catch (error) {
      this.#files = new Map([...this.#filesInForce, ...files]);
      throw error;
    }
  }

  #nameWaiting(wanted: Config, inForce: Config): void {
    const settings = waitingSettings(wanted, inForce).join(", ");
    if (settings === "") return;
    this.#parts.telemetry.notice("warn", "settings have changed that wait for the next start", { settings });
  }

  /** A trail that cannot be written ends the process, and until then this is in force. */
  async #record(cause: ReadingCause): Promise<void> {
    const { audit, clock, generation } = this.#parts;
    const { digest: configuration } = this.#source.opened;
    const record = { timeMs: clock.now(), generation: generation(), configuration, cause };
    await audit.append({ kind: "configuration", ...record }).catch(() => undefined);
  }

  /** What is not part of a generation, and what only has to be said. */
  #follow(source: ConfigurationSource): void {
    const { rateLimits, telemetry } = this.#parts;
    const [before, after] = [unsafeOptions(this.#source.opened.config), unsafeOptions(source.opened.config)];
    this.#source = source;
    rateLimits.change(source.opened.config.limits.rates);
    for (const name of before) if (!after.includes(name)) telemetry.safeOption(name);
    for (const name of after) if (!before.includes(name)) telemetry.unsafeOption(name);
    // An issuer that is away heals by itself: it is noticed, and no reason to refuse the others.
    void source.verifier.fetchAhead();
  }
}
