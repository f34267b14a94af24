import { lookup as systemLookup } from "node:dns";
import type { Clock } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { FETCH_WAITS, openFetchJson, type FetchJson, type IssuerFetch } from "./fetch-json.ts";
import { IssuerDocuments } from "./issuer-documents.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import { KeyCache } from "./key-cache.ts";
import { lookupInTurn } from "./lookup-in-turn.ts";
import { makeOutboundPlaces } from "./outbound-places.ts";
import { StaticDocuments } from "./static-documents.ts";

/** What issuers' keys are fetched with. */
export interface KeyCachesOptions {
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

/** An issuer's keys, for as long as somebody has need of them. */
export interface LeasedKeys {
  readonly keys: KeyCache;
  /** Whether nobody else had them when they were leased. */
  readonly isNew: boolean;
  /** Lets go of them; they may not be used any more. */
  close(): Promise<void>;
}

interface Shared {
  readonly keys: KeyCache;
  readonly close: () => Promise<void>;
  users: number;
}

const FETCH_DEADLINE_MS = 5000;

/**
 * The keys of all issuers of a process. Whoever fetches an issuer's keys in the same way gets the same cache, so that
 * verifiers that follow one another do not all fetch them again; the last one that lets go of it ends its fetches, and
 * nothing of it is kept.
 */
export class KeyCaches {
  readonly #options: KeyCachesOptions;
  readonly #places = makeOutboundPlaces();
  readonly #lookupOfPatterns = lookupInTurn(systemLookup, FETCH_WAITS.dnsMs);
  readonly #shared = new Map<string, Shared>();

  constructor(options: KeyCachesOptions) {
    this.#options = options;
  }

  /** Keys of this issuer; nothing is fetched before they are looked for. */
  lease(settings: IssuerSettings): LeasedKeys {
    const name = nameOfFetching(settings);
    const known = this.#shared.get(name);
    const shared = known ?? this.#open(settings);
    this.#shared.set(name, shared);
    shared.users++;
    let isClosed = false;
    return {
      keys: shared.keys,
      isNew: known === undefined,
      close: async () => {
        if (isClosed) return;
        isClosed = true;
        if (--shared.users > 0) return;
        this.#shared.delete(name);
        await shared.close();
      },
    };
  }

  #open(settings: IssuerSettings): Shared {
    const { clock, random, openFetch, onNotice, fetchDeadlineMs } = this.#options;
    const { url, pattern, jwks, algorithms, staleSeconds } = settings;
    const isOfPattern = pattern !== undefined;
    const fetch = openFetch?.(settings) ?? openFetchJson(settings, isOfPattern ? this.#lookupOfPatterns : undefined);
    const fetchInTurn: FetchJson = (target, bounds) =>
      this.#places.run({ host: new URL(target).host, isOfPattern }, bounds.signal, () =>
        fetch.fetchJson(target, bounds),
      );
    const keys = new KeyCache({
      issuer: url,
      documents:
        jwks === undefined ? new IssuerDocuments(settings, fetchInTurn) : new StaticDocuments(jwks, algorithms),
      clock,
      random: random ?? Math.random,
      deadlineMs: fetchDeadlineMs ?? FETCH_DEADLINE_MS,
      ...(staleSeconds === undefined ? {} : { staleMs: staleSeconds * 1000 }),
      onNotice: onNotice ?? (() => undefined),
    });
    return {
      keys,
      close: () => {
        keys.close();
        return fetch.close();
      },
      users: 0,
    };
  }
}

/** What an issuer is trusted for says nothing about where its keys come from; everything else may. */
const OF_TRUST = [
  "audience",
  "identity",
  "rules",
  "requireKeyProof",
  "tokenChecks",
] as const satisfies readonly (keyof IssuerSettings)[];

/** The same text for settings that fetch the same documents in the same way, and for no others. */
function nameOfFetching(settings: IssuerSettings): string {
  const ofTrust: ReadonlySet<string> = new Set(OF_TRUST);
  const told = Object.entries(settings)
    .filter(([name]) => !ofTrust.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(told, (_name, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value,
  );
}
