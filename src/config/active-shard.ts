import type { SigningShardConfig } from "./log-schema.ts";
import type { Config } from "./schema.ts";

/**
 * The shard that issues: a checked configuration has exactly one.
 *
 * @throws TypeError for a configuration that was not checked
 */
export function activeShard({ log: { shards } }: { readonly log: Pick<Config["log"], "shards"> }): SigningShardConfig {
  const active = shards.find((shard): shard is SigningShardConfig => shard.state === "active");
  if (active === undefined) throw new TypeError("a configuration without an active shard was not checked");
  return active;
}
