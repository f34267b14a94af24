import type { ChangeableRateLimits } from "../adapters/limits/open-rate-limits.ts";
import { TokenUses } from "../adapters/limits/token-uses.ts";
import { KeyCaches } from "../adapters/oidc/key-caches.ts";
import type { ProcessTelemetry } from "../adapters/telemetry/open-telemetry.ts";
import { ConfigError } from "../config/config-error.ts";
import type { FilesRead } from "../config/read-settings-file.ts";
import { refuseAuthorityChange } from "./authority-change.ts";
import type { AuthorityKeys } from "./authority-keys.ts";
import { ConfigurationInForce } from "./configuration-in-force.ts";
import { openSource } from "./configuration-source.ts";
import type { ConfigurationSource, Openable, SourceParts } from "./configuration-source.ts";
import { startGenerations } from "./generations.ts";
import type { Generations } from "./generations.ts";
import { makeHandOver } from "./hand-over.ts";
import type { LogShards } from "./log-shards.ts";
import { openAuthorities } from "./open-authorities.ts";
import type { OpenedConfiguration } from "./open-configuration.ts";
import type { ServedTrustFiles } from "./open-trust-files.ts";

/** What configurations that follow each other are put into force with. */
export interface InForceParts extends Omit<SourceParts, "keyCaches" | "usedTokens"> {
  readonly telemetry: ProcessTelemetry;
  readonly rateLimits: ChangeableRateLimits;
  readonly resources: AsyncDisposableStack;
  readonly shards: LogShards;
  readonly authorityKeys: AuthorityKeys;
  readonly trustFiles: ServedTrustFiles | undefined;
  /** The configuration of the start. */
  readonly started: Openable;
  /** Files that were read for it. */
  readonly files: FilesRead;
}

/** Puts the configuration of the start into force, and those that follow it. */
export function openConfigurationInForce(given: InForceParts): {
  readonly configuration: ConfigurationInForce;
  readonly generations: Generations;
} {
  const { clock, telemetry, resources, shards, files } = given;
  const keyCaches = new KeyCaches({
    clock,
    onNotice: (level, message, fields) => {
      telemetry.notice(level, message, fields);
    },
  });
  const parts = { ...given, keyCaches, usedTokens: new TokenUses() };
  const started = openSource(given.started, parts);
  const { certificateLog } = shards.active.log;
  const generations = startGenerations(started, { certificateLog, publicKeys: shards.publicKeys });
  resources.defer(() => generations.close());
  const handOver = makeHandOver({ shards, generations, clock, telemetry });
  resources.defer(() => handOver.close());
  const configuration = new ConfigurationInForce({
    ...{ ...parts, started, files, shards: handOver },
    generation: () => generations.current().number,
    openSource: (opened, before) => openNext(opened, before, parts),
  });
  return { configuration, generations };
}

/** Nothing of what is in force changes before all that the next configuration needs is there. */
async function openNext(
  opened: OpenedConfiguration,
  before: ConfigurationSource,
  parts: SourceParts & Pick<InForceParts, "authorityKeys" | "trustFiles">,
): Promise<ConfigurationSource> {
  const { authorityKeys, trustFiles, clock } = parts;
  const nowMs = clock.now();
  const lifetimeMs = opened.config.ca.lifetimeSeconds * 1_000;
  const refusals = refuseAuthorityChange(before.authorities.read, opened.authorities, { nowMs, lifetimeMs });
  if (refusals.length > 0) throw new ConfigError(`ca.authorities: ${refusals.join("; ")}`);
  const authorities = await openAuthorities(opened.authorities, authorityKeys, nowMs);
  try {
    trustFiles?.judge(authorities);
    return openSource({ opened, authorities }, parts, before);
  } catch (error) {
    await authorities.close();
    throw error;
  }
}
