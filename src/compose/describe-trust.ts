import { readPublicKeyOf } from "../adapters/signers/file.ts";
import { ConfigError } from "../config/load-config.ts";
import type { Config } from "../config/schema.ts";
import { settingName } from "../config/setting-name.ts";
import { MayflyError } from "../core/errors.ts";
import type { TrustFiles } from "../trust/trust-file-names.ts";
import { describeShards } from "./describe-shards.ts";
import type { DescribedShard } from "./describe-shards.ts";
import { prepareTrustFiles } from "./prepare-trust-files.ts";
import type { TrustedAuthorities, TrustedShard } from "./prepare-trust-files.ts";
import { readAuthorities } from "./read-authorities.ts";

/**
 * `mayfly trust`: the trust files that a service with this configuration serves, from files alone. No private key is opened,
 * and a service may be running.
 *
 * @throws ConfigError when the configuration asks for no trust files, or keeps what they are made of in memory
 * @throws MayflyError naming what they cannot be made of
 */
export async function describeTrust(config: Config): Promise<TrustFiles> {
  const { trust } = config;
  if (trust === undefined) {
    throw new ConfigError("trust: required, for trust files to be made: trust: { publicUrl: https://HOST } is enough");
  }
  const authorities = trustedAuthorities(config);
  const make = prepareTrustFiles({ ...config, trust });
  const shards: TrustedShard[] = [];
  for (const shard of await describeShards(config)) shards.push(await trustedShard(shard));
  return make(authorities, shards);
}

/** As a service takes them, but for the clock: what an authority signed before it expired is still to be verified. */
function trustedAuthorities({ ca }: Config): TrustedAuthorities {
  const { active, others } = readAuthorities(ca.authorities);
  const { config, chain } = active;
  if (chain === undefined) throw forgotten(settingName([...config.place, "signer"]));
  return { issuing: { config, chain }, others };
}

/**
 * The log itself says by which key it is known, and when it was frozen; before it is made, the key file says the one that it
 * will be made with.
 */
async function trustedShard({ config, path, log }: DescribedShard): Promise<TrustedShard> {
  if (log !== undefined) {
    const { logPublicKey, frozenMs, origin } = log.manifest;
    if (origin !== config.origin) {
      const setting = settingName([...config.place, "origin"]);
      throw new MayflyError("LOG_WRONG_KEY", `${path} is the log ${origin}, ${setting} is ${config.origin}`);
    }
    return { config, logPublicKey, frozenMs };
  }
  const { signer, name, place, state } = config;
  if (signer === undefined || state === "frozen") {
    throw new MayflyError("LOG_MISSING", `shard ${name} is frozen, and there is no log in ${path} to say since when`);
  }
  const setting = settingName([...place, "signer"]);
  if (signer.kind === "memory") throw forgotten(setting);
  if (signer.kind !== "file") {
    throw new MayflyError("LOG_MISSING", `${setting}: its public key is known once the log is made: mayfly log init`);
  }
  try {
    return { config, logPublicKey: await readPublicKeyOf(signer.path), frozenMs: undefined };
  } catch (cause) {
    throw new MayflyError("SIGNER_KEY_UNREADABLE", `${setting} ${signer.path}`, { cause });
  }
}

function forgotten(setting: string): ConfigError {
  return new ConfigError(`${setting}: a key that is forgotten at exit cannot be trusted by anybody's file`);
}
