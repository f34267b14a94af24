import { resolve } from "node:path";
import type { IdentityRules } from "../core/identity/issuer.ts";
import type { IdentityConfig } from "./identity-schema.ts";
import { nearestName } from "./nearest-name.ts";
import { openProviderPack, providerFile, providerNames } from "./provider-pack.ts";
import type { OpenedPack } from "./provider-pack.ts";
import type { ConfigProblem } from "./rule.ts";

/**
 * Makes rules of identities as configured; what names a provider pack becomes what the pack says.
 *
 * @returns problems by their paths below `identity`, when there are no such rules
 * @throws ConfigError for a pack that cannot be read or is none
 */
export type ResolveIdentity = (
  identity: IdentityConfig,
) => { readonly rules: IdentityRules } | { readonly problems: readonly ConfigProblem[] };

/**
 * Prepares {@link ResolveIdentity} for the identities of one configuration; each pack is read once.
 *
 * @param folder what paths of packs are relative to
 */
export function prepareIdentities(folder: string): ResolveIdentity {
  const opened = new Map<string, OpenedPack>();
  const open = (file: string): OpenedPack => {
    const pack = opened.get(file) ?? openProviderPack(file);
    opened.set(file, pack);
    return pack;
  };
  return (identity) => {
    switch (identity.kind) {
      case "github-actions":
        return open(providerFile("github-actions")).makeRules({ url: identity.baseUrl });
      case "ci-provider": {
        const { provider, providerFile: own, settings } = identity;
        if (own !== undefined) return open(resolve(folder, own)).makeRules(settings);
        return provider === undefined ? { problems: [] } : openNamed(provider, open, settings);
      }
      default:
        return { rules: identity };
    }
  };
}

function openNamed(
  provider: string,
  open: (file: string) => OpenedPack,
  settings: Readonly<Record<string, string>>,
): ReturnType<ResolveIdentity> {
  const names = providerNames();
  if (names.includes(provider)) return open(providerFile(provider)).makeRules(settings);
  const nearest = nearestName(provider, names);
  const hint = nearest === undefined ? `there are ${names.join(", ")}` : `did you mean ${nearest}?`;
  return { problems: [{ path: ["provider"], message: `no such provider; ${hint}` }] };
}
