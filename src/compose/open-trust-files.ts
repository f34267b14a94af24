import type { IssuerChain } from "../core/certificate/issuer-chain.ts";
import type { Config } from "../config/schema.ts";
import { describeCauses } from "../core/errors.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { TrustFiles } from "../trust/trust-file-names.ts";
import type { LogShards, ShardInService } from "./log-shards.ts";
import type { TrustedShard } from "./prepare-trust-files.ts";

interface TrustFileParts {
  readonly chain: IssuerChain;
  readonly shards: Pick<LogShards, "all">;
  readonly telemetry: Pick<Telemetry, "notice">;
}

/**
 * The trust files of a service, made anew when its shards have changed; when they cannot be made of the new ones, that is said
 * and those before stay. What makes them is loaded only for a configuration that asks for them.
 *
 * @returns undefined for one that does not
 * @throws MayflyError naming what they cannot be made of, now
 */
export async function openTrustFiles(
  config: Config,
  { chain, shards, telemetry }: TrustFileParts,
): Promise<(() => TrustFiles) | undefined> {
  const { trust } = config;
  if (trust === undefined) return undefined;
  const { prepareTrustFiles } = await import("./prepare-trust-files.ts");
  const make = prepareTrustFiles({ ...config, trust }, chain.certificates);
  let of = shards.all;
  let files = make(of.map(trustedShard));
  return () => {
    if (of === shards.all) return files;
    of = shards.all;
    try {
      files = make(of.map(trustedShard));
    } catch (error) {
      telemetry.notice("error", "trust files could not be made anew; those before stay", {
        error: describeCauses(error),
      });
    }
    return files;
  };
}

function trustedShard({ config, opened: { kind, log } }: ShardInService): TrustedShard {
  const { logPublicKey } = log.manifest;
  return { config, logPublicKey, frozenMs: kind === "frozen" ? log.checkpoint()?.timestampMs : undefined };
}
