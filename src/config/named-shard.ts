import { ConfigError } from "./load-config.ts";
import type { ShardConfig } from "./log-schema.ts";
import type { Config } from "./schema.ts";

/**
 * The shard that a command is about.
 *
 * @param name may be left out where there is only one
 * @throws ConfigError when there is no such shard, or several and no name
 */
export function namedShard(
  { log: { shards } }: { readonly log: Pick<Config["log"], "shards"> },
  name?: string,
): ShardConfig {
  const [first, second] = shards;
  const shard = name === undefined && second === undefined ? first : shards.find((each) => each.name === name);
  if (shard !== undefined) return shard;
  const names = shards.map((each) => each.name).join(", ");
  const problem = name === undefined ? "name one of the shards" : `no shard is named ${name}`;
  throw new ConfigError(`log.shards: ${problem}; there are ${names}`);
}
