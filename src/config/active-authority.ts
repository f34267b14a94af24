import type { ActiveAuthorityConfig, AuthorityConfig } from "./ca-schema.ts";

/** Settings that say which issuing CAs there are. */
interface WithAuthorities {
  readonly ca: { readonly authorities: readonly AuthorityConfig[] };
}

/**
 * The issuing CA that issues: a checked configuration has exactly one.
 *
 * @throws TypeError for a configuration that was not checked
 */
export function activeAuthority({ ca: { authorities } }: WithAuthorities): ActiveAuthorityConfig {
  const active = authorities.find((one): one is ActiveAuthorityConfig => one.state === "active");
  if (active === undefined) throw new TypeError("a configuration without an active issuing CA was not checked");
  return active;
}
