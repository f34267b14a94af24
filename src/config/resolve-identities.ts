import { resolve } from "node:path";
import type { IdentityRules } from "../core/identity/issuer.ts";
import { assumedSettings, isIssuerOf } from "./assumed-settings.ts";
import type { IdentityConfig } from "./identity-schema.ts";
import { nearestName } from "./nearest-name.ts";
import { openProviderPack, providerFile, providerNames } from "./provider-pack.ts";
import type { OpenedPack } from "./provider-pack.ts";
import type { ConfigProblem } from "./rule.ts";

type Resolved = { readonly rules: IdentityRules } | { readonly problems: readonly ConfigProblem[] };

/**
 * Makes rules of identities as configured; what names a provider pack becomes what the pack says.
 *
 * @param issuerUrl whose identities they are: exact, or a pattern with `*`
 * @returns problems by their paths below `identity`, when there are no such rules
 * @throws ConfigError for a pack that cannot be read or is none
 */
export type ResolveIdentity = (identity: IdentityConfig, issuerUrl: string) => Resolved;

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
  return (identity, issuerUrl) => {
    switch (identity.kind) {
      case "github-actions": {
        const { baseUrl } = identity;
        const made = fillTemplates(
          open(providerFile("github-actions")),
          baseUrl === undefined ? {} : { url: baseUrl },
          issuerUrl,
        );
        return "rules" in made ? made : { problems: made.problems.map((one) => ({ ...one, path: ["baseUrl"] })) };
      }
      case "ci-provider": {
        const { provider, providerFile: own, settings } = identity;
        if (own !== undefined) return fillTemplates(open(resolve(folder, own)), settings, issuerUrl);
        return provider === undefined
          ? { problems: [] }
          : withNamed(provider, (file) => fillTemplates(open(file), settings, issuerUrl));
      }
      case "provider":
        return withNamed(identity.provider, (file) => identityOf(open(file), issuerUrl));
      default:
        return { rules: identity };
    }
  };
}

function fillTemplates(opened: OpenedPack, settings: Readonly<Record<string, string>>, issuerUrl: string): Resolved {
  const { pack } = opened;
  if (opened.kind !== "templates") {
    return refuse(`${pack.name} is no pack of templates; write { kind: provider, provider: ${pack.name} }`);
  }
  const unsaid = [...assumedSettings(opened.pack, issuerUrl)].filter(([name]) => !Object.hasOwn(settings, name));
  if (unsaid.length === 0) return opened.makeRules(settings);
  return {
    problems: unsaid.map(([name, usual]) => ({
      path: ["settings", name],
      message: `required for ${issuerUrl}: ${usual} is where ${pack.name} has the platform of ${pack.issuers.join(", ")} alone`,
    })),
  };
}

function identityOf(opened: OpenedPack, issuerUrl: string): Resolved {
  const { name, issuers } = opened.pack;
  if (opened.kind === "templates") {
    return refuse(`${name} is a CI platform; write { kind: ci-provider, provider: ${name} }`);
  }
  const { selfHosted, identity } = opened.pack;
  return selfHosted || isIssuerOf(opened.pack, issuerUrl)
    ? { rules: identity }
    : refuse(`${name} is not for ${issuerUrl}, but for ${issuers.join(", ")}`);
}

function withNamed(provider: string, make: (file: string) => Resolved): Resolved {
  const names = providerNames();
  if (names.includes(provider)) return make(providerFile(provider));
  const nearest = nearestName(provider, names);
  const hint = nearest === undefined ? `there are ${names.join(", ")}` : `did you mean ${nearest}?`;
  return refuse(`no such provider; ${hint}`);
}

const refuse = (message: string): Resolved => ({ problems: [{ path: ["provider"], message }] });
