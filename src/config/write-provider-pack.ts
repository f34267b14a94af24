import { stringify } from "yaml";
import type { CiProviderDefinition } from "../core/identity/ci-provider.ts";

/**
 * A provider pack of a definition, as `providerFile` takes it; without samples.
 *
 * @param issuers the URLs or patterns that it is for
 * @param comments lines above it, without `#`
 */
export function writeProviderPack(
  definition: CiProviderDefinition,
  issuers: readonly string[],
  comments: readonly string[],
): string {
  const { provider, settings, claims, subjectAltName, extensions } = definition;
  const named = (choose: (policy: { readonly absent?: string }) => boolean): string[] =>
    [...claims].filter(([, policy]) => choose(policy)).map(([name]) => name);
  const defaults = [...claims]
    .filter(([, { absent = "" }]) => absent !== "")
    .map(([name, { absent }]) => [name, absent]);
  const pack = {
    name: packName(provider),
    description: `Tokens by the templates of ${provider} in an issuer file of Fulcio's`,
    issuers,
    settings: Object.fromEntries(
      [...settings].map(([name, setting]) => [
        name,
        {
          description: "A default of Fulcio's that no claim replaces.",
          ...(setting.kind === "text" ? { default: setting.text } : { issuerOrigin: true }),
        },
      ]),
    ),
    claims: {
      whenUsed: named(({ absent }) => absent === undefined),
      optional: named(({ absent }) => absent === ""),
      defaults: Object.fromEntries(defaults) as Record<string, string>,
    },
    subjectAlternativeName: subjectAltName,
    extensions: Object.fromEntries(extensions),
  };
  return comments.map((line) => `# ${line}\n`).join("") + stringify(pack, { lineWidth: 0 });
}

/** Fulcio's names of providers are any text. */
export function packName(provider: string): string {
  const name = provider
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/gu, "-")
    .replaceAll(/^-|-$/gu, "");
  return name === "" ? "provider" : name;
}
