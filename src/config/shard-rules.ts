import type { ConfigProblem, Rule } from "./rule.ts";
import type { ShardConfig } from "./log-schema.ts";
import { keyName } from "./signers/key-name.ts";

/** Names under which each shard's reads are served: no other shard's path may begin with them. */
const READS = ["checkpoint", "checkpoint.cosigned", "ct", "issuer", "log.v3.json", "tile"];

/**
 * Path under which a shard is served: that of its origin, empty or with a slash in front.
 */
export function pathOfOrigin(origin: string): string {
  const slash = origin.indexOf("/");
  return slash === -1 ? "" : origin.slice(slash);
}

const problemAt = (shard: ShardConfig, name: string, message: string): ConfigProblem => ({
  path: [...shard.place, name],
  message,
});

/** Callers get an SCT of one log. */
const oneActiveShard: Rule = ({ log: { shards } }) => {
  const [first, ...more] = shards.filter(({ state }) => state === "active");
  if (first === undefined) return [{ path: ["log", "shards"], message: "one shard must be active" }];
  return more.map((shard) => problemAt(shard, "state", `shard ${first.name} is active already; only one can be`));
};

/** Says which earlier shard has the same of something. */
function twice(shards: readonly ShardConfig[], name: string, of: (shard: ShardConfig) => string): ConfigProblem[] {
  return shards.flatMap((shard, at) => {
    const other = shards.slice(0, at).find((earlier) => of(earlier) === of(shard));
    return other === undefined ? [] : [problemAt(shard, name, `shard ${other.name} has the same`)];
  });
}

const distinctShards: Rule = ({ log: { shards } }) => [
  ...twice(shards, "name", ({ name }) => name),
  ...twice(shards, "directory", ({ directory }) => directory.toLowerCase()),
  ...twice(shards, "origin", ({ origin }) => origin),
];

/** One listener serves all shards, whatever host it is asked for. */
const distinctPaths: Rule = ({ log: { shards } }) =>
  shards.flatMap((shard, at) =>
    shards.flatMap((other, otherAt) => {
      const [path, otherPath] = [pathOfOrigin(shard.origin), pathOfOrigin(other.origin)];
      if (otherAt < at && path === otherPath && shard.origin !== other.origin) {
        return [problemAt(shard, "origin", `shard ${other.name} is served under the same path`)];
      }
      const isWithinReads = READS.some((read) => `${path}/`.startsWith(`${otherPath}/${read}/`));
      return isWithinReads ? [problemAt(shard, "origin", `its path is one of the reads of shard ${other.name}`)] : [];
    }),
  );

/** The hash of its key is a log's identity: two logs of one key would be one log with two histories. */
const distinctKeys: Rule = ({ log: { shards } }) => {
  const owners = new Map<string, ShardConfig>();
  return shards.flatMap((shard) =>
    (["signer", "checkpointSigner"] as const).flatMap((name) => {
      const signer = shard[name];
      const key = signer === undefined ? undefined : keyName(signer);
      if (key === undefined) return [];
      const owner = owners.get(key) ?? shard;
      owners.set(key, owner);
      return owner === shard
        ? []
        : [problemAt(shard, name, `shard ${owner.name} has this key, and no key is that of two logs`)];
    }),
  );
};

const orderedWindows: Rule = ({ log: { shards } }) =>
  shards
    .filter(({ window }) => window !== undefined && window.startMs >= window.endMs)
    .map((shard) => problemAt(shard, "window", "ends before it begins"));

/** A key that is forgotten at exit is that of a log which is forgotten too, and such a log has never been frozen. */
const frozenMemory: Rule = ({ log: { store, shards } }) =>
  store.kind === "memory"
    ? shards
        .filter(({ state }) => state === "frozen")
        .map((shard) => problemAt(shard, "state", "a log that is forgotten at exit cannot be there to be frozen"))
    : [];

/** A log is fixed to its keys: with keys of one start it could not be opened by the next. */
const memoryKeysOfKeptLog: Rule = ({ log: { store, shards } }) =>
  store.kind === "memory"
    ? []
    : memoryKeysOfShards(shards).map((path) => ({
        path,
        message: "a key that is forgotten at exit needs a log that is forgotten too: log.store.kind: memory",
      }));

/** Where shards have keys that are forgotten at exit. */
export function memoryKeysOfShards(shards: readonly ShardConfig[]): readonly (readonly PropertyKey[])[] {
  return shards.flatMap((shard) =>
    (["signer", "checkpointSigner"] as const)
      .filter((name) => shard[name]?.kind === "memory")
      .map((name) => [...shard.place, name, "kind"]),
  );
}

/** What the shards of a log must be to each other. */
export const SHARD_RULES: readonly Rule[] = [
  oneActiveShard,
  distinctShards,
  distinctPaths,
  distinctKeys,
  orderedWindows,
  frozenMemory,
  memoryKeysOfKeptLog,
];
