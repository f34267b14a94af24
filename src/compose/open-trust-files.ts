import type { IssuerChain } from "../core/certificate/issuer-chain.ts";
import type { Config } from "../config/schema.ts";
import type { TrustFiles } from "../trust/trust-file-names.ts";
import type { LogShards, ShardInService } from "./log-shards.ts";
import type { TrustedShard } from "./prepare-trust-files.ts";

/**
 * The trust files of a service, made anew when its shards have changed. What makes them is loaded only for a configuration
 * that asks for them.
 *
 * @returns undefined for one that does not
 * @throws MayflyError naming what they cannot be made of
 */
export async function openTrustFiles(
  config: Config,
  { chain, shards }: { readonly chain: IssuerChain; readonly shards: Pick<LogShards, "all"> },
): Promise<(() => TrustFiles) | undefined> {
  const { trust } = config;
  if (trust === undefined) return undefined;
  const { prepareTrustFiles } = await import("./prepare-trust-files.ts");
  const make = prepareTrustFiles({ ...config, trust }, chain.certificates);
  const makeOf = (all: readonly ShardInService[]) => ({ of: all, files: make(all.map(trustedShard)) });
  let known = makeOf(shards.all);
  return () => {
    if (known.of !== shards.all) known = makeOf(shards.all);
    return known.files;
  };
}

function trustedShard({ config, opened: { kind, log } }: ShardInService): TrustedShard {
  const { logPublicKey } = log.manifest;
  return { config, logPublicKey, frozenMs: kind === "frozen" ? log.checkpoint()?.timestampMs : undefined };
}
