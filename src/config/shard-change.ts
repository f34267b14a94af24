import { isDeepStrictEqual } from "node:util";
import type { ShardConfig, SigningShardConfig } from "./log-schema.ts";

/** What becomes of a running service's shards. */
export interface ShardChange {
  /** Shards that there were not before; each is staged. */
  readonly added: readonly SigningShardConfig[];
  /** The shard that issues from now on; undefined when it is the same as before. */
  readonly activated?: SigningShardConfig;
  /** What speaks against the change, a sentence each: nothing of it can be put into force while there is anything. */
  readonly refusals: readonly string[];
}

/** From which state to which a shard of a running service may go; to its own always. */
const NEXT = { staged: "active", active: "frozen", frozen: undefined } as const satisfies Record<
  ShardConfig["state"],
  ShardConfig["state"] | undefined
>;

/**
 * Compares the shards in force with those that a configuration wants. A shard is known by its origin: staged, it may
 * become active, and active, it may become frozen; nothing else of it may change, none is taken away, and a new one is
 * staged first. Both lists were checked.
 */
export function planShardChange(before: readonly ShardConfig[], after: readonly ShardConfig[]): ShardChange {
  const known = new Map(before.map((shard) => [shard.origin, shard]));
  const kept = new Set(after.map(({ origin }) => origin));
  const refusals = before
    .filter(({ origin }) => !kept.has(origin))
    .map(({ name, origin }) => `shard ${name} (${origin}) is gone, and what was logged there must stay to be read`);
  const added: SigningShardConfig[] = [];
  let activated: SigningShardConfig | undefined;
  for (const shard of after) {
    const old = known.get(shard.origin);
    if (old !== undefined) refusals.push(...refusalsOf(old, shard));
    else if (shard.state === "staged") added.push(shard);
    else refusals.push(`shard ${shard.name} is new: it is staged first, so that its key is known before it signs`);
    if (old?.state === "staged" && shard.state === "active") activated = shard;
  }
  return { added, ...(activated === undefined ? {} : { activated }), refusals };
}

function refusalsOf(old: ShardConfig, wanted: ShardConfig): readonly string[] {
  const refusals: string[] = [];
  const isNext = old.state === wanted.state || NEXT[old.state] === wanted.state;
  if (!isNext) refusals.push(`shard ${wanted.name} cannot go from ${old.state} to ${wanted.state}`);
  // A frozen shard needs no keys, and has no use for those it is given.
  const fixed = [
    "directory",
    "window",
    ...(wanted.state === "frozen" ? [] : (["signer", "checkpointSigner"] as const)),
  ] as const;
  for (const member of fixed.filter((name) => !isDeepStrictEqual(old[name], wanted[name]))) {
    refusals.push(`${member} of shard ${wanted.name} has changed, which a running service cannot follow`);
  }
  return refusals;
}
