import type { JsonObject } from "../../core/encoding/json-reader.ts";
import { MayflyError } from "../../core/errors.ts";
import type { VerifyIdToken } from "../../ports/id-token-verifier.ts";
import { checkClaims } from "./check-claims.ts";
import { checkType } from "./check-type.ts";
import { chooseAudience } from "./choose-audience.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import type { KeySetFaults } from "./jwks.ts";
import type { KeyCache } from "./key-cache.ts";
import { KeyCaches } from "./key-caches.ts";
import type { KeyCachesOptions } from "./key-caches.ts";
import { openIssuer } from "./open-issuer.ts";
import type { SettingsOfIssuer } from "./open-issuer.ts";
import { parseToken, type TokenHeader } from "./parse-token.ts";
import { PatternIssuers } from "./pattern-issuers.ts";
import type { FoundIssuer, PatternLimits } from "./pattern-issuers.ts";
import { verifySignature } from "./verify-signature.ts";

/** What a verifier is opened with. */
export interface TokenVerifierOptions extends KeyCachesOptions {
  /** Issuers to trust, each URL once for each of its audiences; those whose `pattern` is set by their pattern. */
  readonly issuers: readonly IssuerSettings[];
  /** What issuers of patterns may take; PATTERN_LIMITS when left out. */
  readonly patternLimits?: PatternLimits;
  /** Where keys are kept that other verifiers have use of too; caches of its own when left out. */
  readonly keyCaches?: KeyCaches;
  /** The verifier that this one takes the place of: what its patterns have found is known, and their bounds count on. */
  readonly before?: Pick<TokenVerifier, "patternIssuers">;
}

/** Verifies ID tokens of a fixed set of issuers. */
export interface TokenVerifier {
  readonly verifyIdToken: VerifyIdToken;
  /** Of the key sets in use, all issuers' together. */
  keyFaults(): KeySetFaults;
  /** How many keys are in use of each named issuer, by its URL; none of one that has not given any. */
  keyCounts(): ReadonlyMap<string, number>;
  /** Issuers that patterns matched. */
  patternIssuers(): Pick<PatternIssuers, "counts" | "known" | "discoveries">;
  /**
   * Asks those named issuers for their keys that no verifier has known before, a few at a time. Failures are noticed; never
   * rejects.
   */
  fetchAhead(): Promise<void>;
  /** Ends every fetch and connection; `verifyIdToken` may not be called any more. */
  close(): Promise<void>;
}

/**
 * Opens a verifier (RFC 7519 §7.2, OIDC Core §3.1.3.7). Nothing is fetched before the first token that passed every
 * check that needs no key. The claims it hands on were read from the very bytes whose signature it verified.
 *
 * @throws RangeError when an issuer's URL is given twice for one audience
 */
export function openTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { keyCaches = new KeyCaches(options) } = options;
  const open = (settings: SettingsOfIssuer) => openIssuer(settings, keyCaches);
  const groups = groupByUrl(options.issuers);
  const exact = new Map(groups.filter(isExact).map((settings) => [settings[0].url, open(settings)]));
  const patterns = new PatternIssuers(
    groups.filter((settings) => !isExact(settings)),
    open,
    { clock: options.clock, limits: options.patternLimits, before: options.before?.patternIssuers() },
  );
  const found = new Map<string, FoundIssuer>(
    Array.from(exact, ([url, { entries, keys }]) => [url, { entries, withKeys: (work) => work(keys) }]),
  );
  return {
    verifyIdToken: async (idToken, nowMs) => {
      const { header, claims } = parseToken(idToken);
      const iss = issuerOf(claims);
      // An issuer that the operator named is never taken for one that a pattern happens to match.
      const { entries, withKeys } = found.get(iss) ?? patterns.find(iss) ?? refuseIssuer();
      const issuer = chooseAudience(entries, claims);
      checkType(header, issuer);
      const subject = checkClaims(claims, issuer, nowMs);
      await withKeys((keys) => checkSignature(idToken, header, keys));
      return { issuer, subject, claims };
    },
    keyFaults: () => sumFaults([...exact.values(), ...patterns.known].map(({ keys }) => keys.faults)),
    keyCounts: () => new Map(Array.from(exact, ([url, { keys }]) => [url, keys.keyCount])),
    patternIssuers: () => patterns,
    fetchAhead: () => fetchAhead([...exact.values()].filter(({ isNew }) => isNew).map(({ keys }) => keys)),
    close: async () => {
      await Promise.all([...exact.values(), patterns].map((part) => part.close()));
    },
  };
}

function groupByUrl(issuers: readonly IssuerSettings[]): readonly SettingsOfIssuer[] {
  return [...Map.groupBy(issuers, ({ url }) => url).values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    if (new Set([first, ...others].map(({ audience }) => audience)).size !== others.length + 1) {
      throw new RangeError("an issuer is configured twice for one audience");
    }
    return [[first, ...others] satisfies SettingsOfIssuer];
  });
}

/** Fewer than there are places, so that callers' issuers do not wait behind those of nobody. */
const AHEAD_AT_ONCE = 4;

async function fetchAhead(caches: readonly KeyCache[]): Promise<void> {
  const rest = caches.values();
  const work = async (): Promise<void> => {
    for (const keys of rest) await keys.fetchAhead();
  };
  await Promise.all(Array.from({ length: AHEAD_AT_ONCE }, work));
}

const isExact = ([{ pattern }]: SettingsOfIssuer): boolean => pattern === undefined;

function sumFaults(sets: readonly (KeySetFaults | undefined)[]): KeySetFaults {
  const sum = (name: keyof KeySetFaults): number => sets.reduce((count, set) => count + (set?.[name] ?? 0), 0);
  return { skipped: sum("skipped"), secrets: sum("secrets"), sharedNames: sum("sharedNames") };
}

/** The token's `iss`, byte for byte: no URL is ever normalised to make two alike. */
function issuerOf(claims: JsonObject): string {
  const iss = claims.get("iss");
  if (iss === undefined) throw new MayflyError("TOKEN_CLAIM_MISSING", "the token has no iss claim");
  if (typeof iss !== "string") throw new MayflyError("TOKEN_CLAIM_INVALID", "the iss claim is not a text");
  return iss;
}

function refuseIssuer(): never {
  throw new MayflyError("ISSUER_UNKNOWN", "the token's issuer is not a configured one");
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
