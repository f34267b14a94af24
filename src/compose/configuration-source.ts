import type { KeyCaches } from "../adapters/oidc/key-caches.ts";
import { openTokenVerifier } from "../adapters/oidc/open-token-verifier.ts";
import type { TokenVerifier } from "../adapters/oidc/open-token-verifier.ts";
import type { GenerationSource } from "./generations.ts";
import { prepareGenerations } from "./make-generation.ts";
import type { ServiceParts } from "./make-generation.ts";
import type { OpenedAuthorities } from "./open-authorities.ts";
import type { OpenedConfiguration } from "./open-configuration.ts";
import { expiredAuthorities } from "./open-issuers.ts";

/** What generations are made from, whatever the configuration. */
export interface SourceParts extends ServiceParts {
  readonly keyCaches: KeyCaches;
}

/** A configuration that generations can be made of. */
export interface ConfigurationSource extends GenerationSource {
  readonly opened: OpenedConfiguration;
  readonly authorities: OpenedAuthorities;
  readonly verifier: Omit<TokenVerifier, "close">;
}

/** What a source is opened from; it lets go of the authorities at its end. */
export type Openable = Pick<ConfigurationSource, "opened" | "authorities">;

/**
 * Opens what verifies tokens by a configuration, and says what is past its end in it.
 *
 * @param before what is in force now: keys of issuers that are fetched as before are not fetched again
 */
export function openSource(
  { opened, authorities }: Openable,
  parts: SourceParts,
  before?: ConfigurationSource,
): ConfigurationSource {
  const { keyCaches, clock, telemetry } = parts;
  const { issuers } = opened;
  const verifier = openTokenVerifier({
    ...{ issuers, clock, keyCaches },
    ...(before === undefined ? {} : { before: before.verifier }),
  });
  for (const fields of expiredAuthorities(issuers, clock.now())) {
    telemetry.notice("warn", "a certificate authority trusted for an issuer's TLS has expired", fields);
  }
  const { verifyIdToken } = verifier;
  const make = prepareGenerations({ ...parts, configuration: opened, authorities, verifyIdToken });
  const close = async (): Promise<void> => {
    await verifier.close();
    await authorities.close();
  };
  return { opened, authorities, verifier, make, close };
}
