import type { TrustedIssuer } from "../../core/identity/issuer.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import type { KeyCaches, LeasedKeys } from "./key-caches.ts";

/** What one issuer is trusted for: something for each audience. */
export type TrustedEntries = readonly [TrustedIssuer, ...TrustedIssuer[]];

/** One issuer with its keys; what it is trusted for may be several things. */
export interface OpenIssuer extends LeasedKeys {
  readonly entries: TrustedEntries;
}

/** The settings of one issuer for each of its audiences; all fetch its documents alike. */
export type SettingsOfIssuer = readonly [IssuerSettings, ...IssuerSettings[]];

/** Opens an issuer; nothing is fetched before its keys are looked for. */
export function openIssuer(settings: SettingsOfIssuer, keyCaches: KeyCaches): OpenIssuer {
  return { entries: trustedEntries(settings), ...keyCaches.lease(settings[0]) };
}

/** What goes on with a token: nothing of the network, and nothing that can be changed. */
export function trustedEntries([first, ...others]: SettingsOfIssuer): TrustedEntries {
  return [trustedFrom(first), ...others.map(trustedFrom)];
}

function trustedFrom(settings: IssuerSettings): TrustedIssuer {
  const { url, pattern, audience, identity, rules, requireKeyProof, tokenChecks } = settings;
  return Object.freeze({
    url,
    ...(pattern === undefined ? {} : { pattern }),
    audience,
    identity,
    rules,
    ...(requireKeyProof === true ? { requireKeyProof } : {}),
    ...(tokenChecks === undefined ? {} : { tokenChecks }),
  });
}
