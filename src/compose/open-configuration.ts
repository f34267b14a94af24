import type { IssuerSettings } from "../adapters/oidc/issuer-settings.ts";
import { configDigest } from "../config/config-digest.ts";
import { recordFilesRead } from "../config/read-settings-file.ts";
import type { Config } from "../config/schema.ts";
import { readAuthorities } from "./read-authorities.ts";
import type { ReadAuthorities } from "./read-authorities.ts";
import { openIssuers } from "./open-issuers.ts";
import { readBlocklist } from "./read-blocklist.ts";

/** A configuration together with what the files say that it names: all that it takes to judge a request by it. */
export interface OpenedConfiguration {
  readonly config: Config;
  readonly issuers: readonly IssuerSettings[];
  readonly authorities: ReadAuthorities;
  /** Keys that are never certified: SHA-256 of each SubjectPublicKeyInfo, lower-case hex. */
  readonly blockedKeys: ReadonlySet<string> | undefined;
  /** Lower-case hex SHA-256: two that are equal judge every request alike. */
  readonly digest: string;
}

/**
 * Opens a configuration: reads what it names, and compiles its rules. Nothing of the network is touched.
 *
 * @throws ConfigError for a file that cannot be read or used
 * @throws MayflyError `profile_violation` (CHAIN_INVALID) for the chain of an issuing CA
 */
export function openConfiguration(config: Config): OpenedConfiguration {
  const { blocklist } = config.clientKeys;
  const files = new Map<string, string>();
  const { authorities, issuers, blockedKeys } = recordFilesRead(files, () => ({
    authorities: readAuthorities(config.ca.authorities),
    issuers: openIssuers(config.issuers),
    blockedKeys: blocklist === undefined ? undefined : readBlocklist(blocklist),
  }));
  return Object.freeze({ config, authorities, issuers, blockedKeys, digest: configDigest(config, files) });
}
