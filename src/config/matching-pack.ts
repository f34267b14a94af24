import { isDeepStrictEqual } from "node:util";
import { buildCiProviderRules } from "../core/identity/ci-provider.ts";
import type { CiProviderDefinition, CiProviderRules } from "../core/identity/ci-provider.ts";
import { openProviderPack, providerFile, providerNames } from "./provider-pack.ts";

/** A pack that comes with Mayfly, and the operator's settings for it. */
export interface MatchingPack {
  readonly provider: string;
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * The pack whose certificates are those of a definition, for every token that either makes one for.
 *
 * @throws CiProviderError for a definition of which no rules can be made
 */
export function findMatchingPack(definition: CiProviderDefinition): MatchingPack | undefined {
  const wanted = buildCiProviderRules(definition);
  for (const provider of providerNames()) {
    const opened = openProviderPack(providerFile(provider));
    if (opened.kind !== "templates") continue;
    const { pack, makeRules } = opened;
    const settings: Record<string, string> = {};
    for (const name of Object.keys(pack.settings)) {
      const setting = definition.settings.get(name);
      if (setting?.kind === "text" && setting.text !== pack.settings[name]?.default) settings[name] = setting.text;
    }
    const made = makeRules(settings);
    if ("rules" in made && isSame(made.rules, wanted)) return { provider, settings };
  }
  return undefined;
}

/** Which claims a token must have beyond those that templates need is no matter of its certificate. */
function isSame(one: CiProviderRules, other: CiProviderRules): boolean {
  const certificate = ({ settings, claims, subjectAltName, extensions }: CiProviderRules): unknown => ({
    settings,
    subjectAltName,
    extensions: new Map(extensions.map(({ field, template }) => [field, template])),
    absent: new Map([...claims].flatMap(([name, { absent }]) => (absent === undefined ? [] : [[name, absent]]))),
  });
  return isDeepStrictEqual(certificate(one), certificate(other));
}
