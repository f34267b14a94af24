import type { TrustedIssuer } from "../../core/identity/issuer.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { openFetchJson, type FetchJson, type IssuerFetch } from "./fetch-json.ts";
import { IssuerDocuments } from "./issuer-documents.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import { KeyCache } from "./key-cache.ts";
import type { OutboundPlaces } from "./outbound-places.ts";
import { StaticDocuments } from "./static-documents.ts";

/** What issuers are opened with. */
export interface OpenIssuerOptions {
  readonly clock: Clock;
  /** Told when an issuer's keys could not be fetched or are left out. */
  readonly onNotice?: Telemetry["notice"];
  /** An issuer's way to the network; HTTPS with the limits of `openFetchJson` when left out. */
  readonly openFetch?: (issuer: IssuerSettings) => IssuerFetch;
  /** From 0 to below 1, for the jitter of waits. */
  readonly random?: () => number;
  /** Longest wait for an issuer's documents; 5 s when left out. */
  readonly fetchDeadlineMs?: number;
}

/** What one issuer is trusted for: something for each audience. */
export type TrustedEntries = readonly [TrustedIssuer, ...TrustedIssuer[]];

/** One issuer with its keys; what it is trusted for may be several things. */
export interface OpenIssuer {
  readonly entries: TrustedEntries;
  readonly keys: KeyCache;
  close(): Promise<void>;
}

/** The settings of one issuer for each of its audiences; all fetch its documents alike. */
export type SettingsOfIssuer = readonly [IssuerSettings, ...IssuerSettings[]];

const FETCH_DEADLINE_MS = 5000;

/** Opens an issuer; nothing is fetched before its keys are looked for. */
export function openIssuer(settings: SettingsOfIssuer, options: OpenIssuerOptions, places: OutboundPlaces): OpenIssuer {
  const [{ url }] = settings;
  const fetch = (options.openFetch ?? openFetchJson)(settings[0]);
  const { jwks, algorithms, staleSeconds } = settings[0];
  const fetchInTurn: FetchJson = (target, bounds) =>
    places.run(new URL(target).host, bounds.signal, () => fetch.fetchJson(target, bounds));
  const documents =
    jwks === undefined ? new IssuerDocuments(settings[0], fetchInTurn) : new StaticDocuments(jwks, algorithms);
  const keys = new KeyCache({
    issuer: url,
    documents,
    clock: options.clock,
    random: options.random ?? Math.random,
    deadlineMs: options.fetchDeadlineMs ?? FETCH_DEADLINE_MS,
    ...(staleSeconds === undefined ? {} : { staleMs: staleSeconds * 1000 }),
    onNotice: options.onNotice ?? (() => undefined),
  });
  return {
    entries: trustedEntries(settings),
    keys,
    close: () => {
      keys.close();
      return fetch.close();
    },
  };
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
