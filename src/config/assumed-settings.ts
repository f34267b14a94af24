import { coversIssuers, parseIssuerPattern } from "../core/identity/issuer-pattern.ts";
import type { TemplatePack } from "./provider-schema.ts";

/** Whether an issuer, or each issuer of a pattern, is one of those that a pack names as its platform's. */
export function isIssuerOf({ issuers }: { readonly issuers: readonly string[] }, url: string): boolean {
  return issuers.some((one) =>
    one.includes("*") ? coversIssuers(parseIssuerPattern(one, { allowBroadWildcard: true }), url) : one === url,
  );
}

/**
 * The settings that a pack has values for, where an issuer may not have them without a word: they say where the platform of
 * the pack's own issuers is. A GitHub Enterprise Server whose entry forgets its `url` would otherwise name repositories of
 * github.com.
 *
 * @param issuerUrl exact, or a pattern; one without TLS is an issuer of development, which plays the platform
 * @returns the values by name; none for the pack's own issuers
 */
export function assumedSettings(pack: TemplatePack, issuerUrl: string): ReadonlyMap<string, string> {
  if (issuerUrl.startsWith("http://") || isIssuerOf(pack, issuerUrl)) return new Map();
  return new Map(
    Object.entries(pack.settings).flatMap(([name, setting]) =>
      setting.default === undefined ? [] : [[name, setting.default] as const],
    ),
  );
}
