import type { Config } from "../config/schema.ts";
import { describeCauses } from "../core/errors.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { TrustFiles } from "../trust/trust-file-names.ts";
import type { LogShards, ShardInService } from "./log-shards.ts";
import type { TrustedAuthorities, TrustedShard } from "./prepare-trust-files.ts";

interface TrustFileParts {
  /** Issuing CAs of the start. */
  readonly authorities: TrustedAuthorities;
  readonly shards: Pick<LogShards, "all">;
  readonly telemetry: Pick<Telemetry, "notice">;
}

/** The trust files of a service. */
export interface ServedTrustFiles {
  /**
   * Those of these issuing CAs, and of the shards as they are: made anew when either has changed. When they cannot be made of
   * the new ones, that is said and those before stay.
   */
  readonly of: (authorities: TrustedAuthorities) => TrustFiles;
  /** @throws MayflyError naming what they could not be made of with these issuing CAs */
  readonly judge: (authorities: TrustedAuthorities) => void;
}

/**
 * Makes the trust files of a service. What makes them is loaded only for a configuration that asks for them.
 *
 * @returns undefined for one that does not
 * @throws MayflyError naming what they cannot be made of, now
 */
export async function openTrustFiles(
  config: Config,
  { authorities, shards, telemetry }: TrustFileParts,
): Promise<ServedTrustFiles | undefined> {
  const { trust } = config;
  if (trust === undefined) return undefined;
  const { prepareTrustFiles } = await import("./prepare-trust-files.ts");
  const prepared = prepareTrustFiles({ ...config, trust });
  const make = (of: TrustedAuthorities): TrustFiles => prepared(of, shards.all.map(trustedShard));
  let made = { authorities, shards: shards.all, files: make(authorities) };
  return {
    judge: (wanted) => void make(wanted),
    of: (wanted) => {
      if (made.authorities === wanted && made.shards === shards.all) return made.files;
      made = { authorities: wanted, shards: shards.all, files: made.files };
      try {
        made = { ...made, files: make(wanted) };
      } catch (error) {
        telemetry.notice("error", "trust files could not be made anew; those before stay", {
          error: describeCauses(error),
        });
      }
      return made.files;
    },
  };
}

function trustedShard({ config, opened: { kind, log } }: ShardInService): TrustedShard {
  const { logPublicKey } = log.manifest;
  return { config, logPublicKey, frozenMs: kind === "frozen" ? log.checkpoint()?.timestampMs : undefined };
}
