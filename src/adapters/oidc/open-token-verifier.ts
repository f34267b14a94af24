import type { JsonObject } from "../../core/encoding/json-reader.ts";
import { MayflyError } from "../../core/errors.ts";
import type { TrustedIssuer } from "../../core/identity/issuer.ts";
import type { Clock } from "../../ports/clock.ts";
import type { VerifyIdToken } from "../../ports/id-token-verifier.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { checkClaims } from "./check-claims.ts";
import { openFetchJson, type IssuerFetch } from "./fetch-json.ts";
import { IssuerDocuments } from "./issuer-documents.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import type { KeySetFaults } from "./jwks.ts";
import { KeyCache } from "./key-cache.ts";
import { makeOutboundPlaces } from "./outbound-places.ts";
import type { OutboundPlaces } from "./outbound-places.ts";
import { parseToken, type TokenHeader } from "./parse-token.ts";
import { verifySignature } from "./verify-signature.ts";

/** What a verifier is opened with. */
export interface TokenVerifierOptions {
  /** Issuers to trust, each URL once. */
  readonly issuers: readonly IssuerSettings[];
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

/** Verifies ID tokens of a fixed set of issuers. */
export interface TokenVerifier {
  readonly verifyIdToken: VerifyIdToken;
  /** Of the key sets in use, all issuers' together. */
  keyFaults(): KeySetFaults;
  /** Ends every fetch and connection; `verifyIdToken` may not be called any more. */
  close(): Promise<void>;
}

interface OpenIssuer {
  readonly trusted: TrustedIssuer;
  readonly keys: KeyCache;
  readonly fetch: IssuerFetch;
}

const FETCH_DEADLINE_MS = 5000;

/**
 * Opens a verifier (RFC 7519 §7.2, OIDC Core §3.1.3.7). Nothing is fetched before the first token that passed every
 * check that needs no key. The claims it hands on were read from the very bytes whose signature it verified.
 *
 * @throws RangeError when an issuer's URL is given twice
 */
export function openTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const places = makeOutboundPlaces();
  const issuers = new Map(options.issuers.map((settings) => [settings.url, openIssuer(settings, options, places)]));
  if (issuers.size !== options.issuers.length) throw new RangeError("an issuer is configured twice");
  return {
    verifyIdToken: async (idToken, nowMs) => {
      const { header, claims } = parseToken(idToken);
      const issuer = findIssuer(issuers, claims);
      const subject = checkClaims(claims, issuer.trusted.audience, nowMs);
      await checkSignature(idToken, header, issuer.keys);
      return { issuer: issuer.trusted, subject, claims };
    },
    keyFaults: () => sumFaults(Array.from(issuers.values(), ({ keys }) => keys.faults)),
    close: async () => {
      for (const { keys } of issuers.values()) keys.close();
      await Promise.all(Array.from(issuers.values(), ({ fetch }) => fetch.close()));
    },
  };
}

function sumFaults(sets: readonly (KeySetFaults | undefined)[]): KeySetFaults {
  const sum = (name: keyof KeySetFaults): number => sets.reduce((count, set) => count + (set?.[name] ?? 0), 0);
  return { skipped: sum("skipped"), secrets: sum("secrets"), sharedNames: sum("sharedNames") };
}

function openIssuer(settings: IssuerSettings, options: TokenVerifierOptions, places: OutboundPlaces): OpenIssuer {
  const fetch = (options.openFetch ?? openFetchJson)(settings);
  const keys = new KeyCache({
    issuer: settings.url,
    documents: new IssuerDocuments(settings, (url, bounds) =>
      places.run(new URL(url).host, bounds.signal, () => fetch.fetchJson(url, bounds)),
    ),
    clock: options.clock,
    random: options.random ?? Math.random,
    deadlineMs: options.fetchDeadlineMs ?? FETCH_DEADLINE_MS,
    onNotice: options.onNotice ?? (() => undefined),
  });
  const { url, audience, identity, requireKeyProof } = settings;
  const trusted = { url, audience, identity, ...(requireKeyProof === true ? { requireKeyProof } : {}) };
  return { trusted: Object.freeze(trusted), keys, fetch };
}

/** The issuer whose URL is the token's `iss` byte for byte: no URL is ever normalised to make two alike. */
function findIssuer(issuers: ReadonlyMap<string, OpenIssuer>, claims: JsonObject): OpenIssuer {
  const iss = claims.get("iss");
  if (iss === undefined) throw new MayflyError("TOKEN_CLAIM_MISSING", "the token has no iss claim");
  if (typeof iss !== "string") throw new MayflyError("TOKEN_CLAIM_INVALID", "the iss claim is not a text");
  const issuer = issuers.get(iss);
  if (issuer === undefined) throw new MayflyError("ISSUER_UNKNOWN", "the token's issuer is not a configured one");
  return issuer;
}

/** A token that names no key is tried once more on newer keys: only its signature can tell that a key was replaced. */
async function checkSignature(idToken: string, header: TokenHeader, cache: KeyCache): Promise<void> {
  const keys = await cache.findKeys(header);
  if (await verifySignature(idToken, header.alg, keys)) return;
  if (header.kid === undefined) {
    if (await verifySignature(idToken, header.alg, await cache.refetchKeys(header))) return;
  }
  throw new MayflyError("TOKEN_SIGNATURE_INVALID", "no key of the issuer verifies the token's signature");
}
