import { resolve } from "node:path";
import type { IdentityRules } from "../core/identity/issuer.ts";
import type { IdentityConfig } from "./identity-schema.ts";
import { nearestName } from "./nearest-name.ts";
import { openProviderPack, providerFile, providerNames } from "./provider-pack.ts";
import type { OpenedPack } from "./provider-pack.ts";
import type { ConfigProblem } from "./rule.ts";
import type { IssuerAsWritten, IssuerConfig } from "./schema.ts";

/** Issuers whose identities are rules, or why they are not. */
export interface ResolvedIdentities {
  readonly issuers: readonly IssuerConfig[];
  readonly problems: readonly ConfigProblem[];
}

/**
 * Puts the rules of provider packs in the place of what names them.
 *
 * @param folder what paths of packs are relative to
 * @throws ConfigError for a pack that cannot be read or is none
 */
export function resolveIdentities(issuers: readonly IssuerAsWritten[], folder: string): ResolvedIdentities {
  const opened = new Map<string, OpenedPack>();
  const open = (file: string): OpenedPack => {
    const pack = opened.get(file) ?? openProviderPack(file);
    opened.set(file, pack);
    return pack;
  };
  const resolved: IssuerConfig[] = [];
  const problems: ConfigProblem[] = [];
  for (const [index, { identity, ...issuer }] of issuers.entries()) {
    const made = resolveIdentity(identity, folder, open);
    if ("rules" in made) resolved.push(Object.freeze({ ...issuer, identity: made.rules }));
    else problems.push(...made.problems.map((one) => ({ ...one, path: ["issuers", index, "identity", ...one.path] })));
  }
  return { issuers: Object.freeze(resolved), problems };
}

type Resolution = { readonly rules: IdentityRules } | { readonly problems: readonly ConfigProblem[] };

function resolveIdentity(identity: IdentityConfig, folder: string, open: (file: string) => OpenedPack): Resolution {
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
}

function openNamed(
  provider: string,
  open: (file: string) => OpenedPack,
  settings: Readonly<Record<string, string>>,
): Resolution {
  const names = providerNames();
  if (names.includes(provider)) return open(providerFile(provider)).makeRules(settings);
  const nearest = nearestName(provider, names);
  const hint = nearest === undefined ? `there are ${names.join(", ")}` : `did you mean ${nearest}?`;
  return { problems: [{ path: ["provider"], message: `no such provider; ${hint}` }] };
}
