import { MayflyError } from "../../core/errors.ts";
import { matchesIssuerPattern, parseIssuerPattern, splitIssuerUrl } from "../../core/identity/issuer-pattern.ts";
import type { IssuerPattern, IssuerUrl } from "../../core/identity/issuer-pattern.ts";
import type { Clock } from "../../ports/clock.ts";
import { DiscoveryLimits } from "./discovery-limits.ts";
import type { DiscoveryRates } from "./discovery-limits.ts";
import { IssuerFailure } from "./issuer-failure.ts";
import type { KeyCache } from "./key-cache.ts";
import { trustedEntries } from "./open-issuer.ts";
import type { OpenIssuer, SettingsOfIssuer, TrustedEntries } from "./open-issuer.ts";

/** What issuers that nobody named one by one may take. */
export interface PatternLimits extends DiscoveryRates {
  /** Issuers whose keys are kept. */
  readonly known: number;
  /** Keys that are kept, those of all of them together: some 4 KiB each. */
  readonly keys: number;
  /** Issuers that have not given keys: who is being asked, and who failed and when to ask again. */
  readonly unproven: number;
  /** How long keys are kept that nobody uses. */
  readonly idleMs: number;
}

/** Whoever can have tokens of many issuers can make us ask for no more than this, and remember no more. */
export const PATTERN_LIMITS: PatternLimits = {
  known: 512,
  keys: 8192,
  unproven: 1000,
  idleMs: 3_600_000,
  discoveriesPerSecond: 10,
  discoveriesPerMinute: 60,
};

/** An issuer that a token was found to name. */
export interface FoundIssuer {
  /** What it is trusted for, one for each audience. */
  readonly entries: TrustedEntries;
  /** Gives its keys to `work`, as late as possible: what a token says of itself is judged before anybody is asked. */
  readonly withKeys: <T>(work: (keys: KeyCache) => Promise<T>) => Promise<T>;
}

/** What issuers of patterns are opened with, beside the patterns. */
export interface PatternIssuersOptions {
  readonly clock: Clock;
  /** PATTERN_LIMITS when left out. */
  readonly limits?: PatternLimits | undefined;
  readonly before?: Pick<PatternIssuers, "known" | "discoveries"> | undefined;
}

interface PatternGroup {
  readonly pattern: IssuerPattern;
  readonly settings: SettingsOfIssuer;
}

/** An issuer that a pattern matched and that has given keys. */
export interface KnownIssuer extends OpenIssuer {
  readonly url: string;
  /** When its keys were used last, by a clock that never steps. */
  readonly lastUsedMs: number;
}

interface Matched extends KnownIssuer {
  readonly group: PatternGroup;
  users: number;
  lastUsedMs: number;
  /** Keys of it that are counted in the sum. */
  keyCount: number;
}

/** What can be a host's name in DNS (RFC 1123 §2.1), and is no number: a star can be filled with more than that. */
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/u;
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/iu;

/** The issuers of patterns, each opened when the first token of it needs keys, and closed when there are too many. */
export class PatternIssuers {
  readonly #groups: ReadonlyMap<string, readonly PatternGroup[]>;
  readonly #open: (settings: SettingsOfIssuer) => OpenIssuer;
  readonly #clock: Clock;
  readonly #limits: PatternLimits;
  readonly #discoveries: DiscoveryLimits;
  readonly #known = new Map<string, Matched>();
  readonly #unproven = new Map<string, Matched>();
  #keys = 0;

  /**
   * @param patterns settings of each pattern, whose `url` it is, for each of its audiences
   * @param before what is in force now: issuers that it has found are known from the start, as far as they match here and
   *   their keys are shared, and its bounds count on
   */
  constructor(
    patterns: readonly SettingsOfIssuer[],
    open: (settings: SettingsOfIssuer) => OpenIssuer,
    { clock, limits = PATTERN_LIMITS, before }: PatternIssuersOptions,
  ) {
    const groups = patterns.map((settings) => ({
      pattern: parseIssuerPattern(settings[0].url, { allowBroadWildcard: true }),
      settings,
    }));
    this.#groups = Map.groupBy(groups, ({ pattern }) => pattern.shape);
    this.#open = open;
    this.#clock = clock;
    this.#limits = limits;
    const texts = groups.map(({ pattern }) => pattern.text);
    this.#discoveries = new DiscoveryLimits(texts, limits, before?.discoveries);
    for (const issuer of before?.known ?? []) this.#recall(issuer);
  }

  /** How many may still be asked for the first time. */
  get discoveries(): DiscoveryLimits {
    return this.#discoveries;
  }

  /** How many issuers are known by their keys, and how many are not, or not yet. */
  get counts(): { readonly known: number; readonly unproven: number } {
    return { known: this.#known.size, unproven: this.#unproven.size };
  }

  /** Those whose keys are kept. */
  get known(): readonly KnownIssuer[] {
    return [...this.#known.values()];
  }

  /** The issuer of this URL, when a pattern matches it. Opens nothing. */
  find(url: string): FoundIssuer | undefined {
    const matched = this.#known.get(url) ?? this.#unproven.get(url);
    if (matched !== undefined) {
      return { entries: matched.entries, withKeys: (work) => this.#use(matched, work) };
    }
    const match = this.#match(url);
    if (match === undefined) return undefined;
    return {
      entries: trustedEntries(match.settings),
      withKeys: async (work) => this.#use(this.#opened(url, match.group, match.settings), work),
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#known.values(), ...this.#unproven.values()].map((issuer) => issuer.close()));
  }

  #recall({ url, lastUsedMs }: Pick<KnownIssuer, "url" | "lastUsedMs">): void {
    const match = this.#match(url);
    if (match === undefined) return;
    const matched = { ...this.#open(match.settings), url, group: match.group, users: 0, lastUsedMs, keyCount: 0 };
    this.#unproven.set(url, matched);
    if (matched.keys.keyCount > 0) this.#keep(matched);
    else this.#drop(this.#unproven, matched);
  }

  #match(url: string): { readonly group: PatternGroup; readonly settings: SettingsOfIssuer } | undefined {
    const split = splitIssuerUrl(url);
    if (split === undefined) return undefined;
    const group = this.#groups.get(split.shape)?.find(({ pattern }) => matchesIssuerPattern(pattern, split));
    return group === undefined || !hasName(split) ? undefined : { group, settings: concrete(group, url) };
  }

  #opened(url: string, group: PatternGroup, settings: SettingsOfIssuer): Matched {
    const known = this.#known.get(url) ?? this.#unproven.get(url);
    if (known !== undefined) return known;
    this.#checkRate(group);
    if (this.#unproven.size >= this.#limits.unproven) this.#drop(this.#unproven, leastRecentlyUsed(this.#unproven));
    const matched = { ...this.#open(settings), url, group, users: 0, lastUsedMs: 0, keyCount: 0 };
    this.#unproven.set(url, matched);
    return matched;
  }

  async #use<T>(issuer: Matched, work: (keys: KeyCache) => Promise<T>): Promise<T> {
    if (issuer.keys.isFirstToBeAsked) {
      this.#checkRate(issuer.group);
      this.#discoveries.count(issuer.group.pattern.text, this.#clock.monotonic());
    }
    issuer.users++;
    issuer.lastUsedMs = this.#clock.monotonic();
    try {
      return await work(issuer.keys);
    } catch (error) {
      throw isItsOwnFault(error)
        ? new MayflyError("ISSUER_INVALID", "what a pattern matched does not answer as an issuer", { cause: error })
        : error;
    } finally {
      issuer.users--;
      if (issuer.keys.keyCount !== issuer.keyCount) this.#keep(issuer);
    }
  }

  /** An issuer that nobody has asked yet must not be asked because somebody can name so many. */
  #checkRate({ pattern }: PatternGroup): void {
    const retryAfterMs = this.#discoveries.waitMs(pattern.text, this.#clock.monotonic());
    if (retryAfterMs === 0) return;
    throw new MayflyError("DISCOVERY_LIMITED", "too many issuers of a pattern are asked for the first time", {
      retryAfterMs,
    });
  }

  /** Counts the keys that an issuer has given, and makes room for them. */
  #keep(issuer: Matched): void {
    if (!this.#unproven.delete(issuer.url) && !this.#known.has(issuer.url)) return;
    this.#known.set(issuer.url, issuer);
    this.#keys += issuer.keys.keyCount - issuer.keyCount;
    issuer.keyCount = issuer.keys.keyCount;
    const oldestMs = this.#clock.monotonic() - this.#limits.idleMs;
    for (const other of this.#known.values()) {
      if (other.users === 0 && other.lastUsedMs < oldestMs) this.#drop(this.#known, other);
    }
    while (this.#known.size > this.#limits.known || this.#keys > this.#limits.keys) {
      const oldest = leastRecentlyUsed(this.#known, issuer);
      if (oldest === undefined) return;
      this.#drop(this.#known, oldest);
    }
  }

  #drop(from: Map<string, Matched>, issuer: Matched | undefined): void {
    if (issuer === undefined) return;
    from.delete(issuer.url);
    this.#keys -= issuer.keyCount;
    void issuer.close();
  }
}

/**
 * The settings of a pattern for one issuer that it matches. Whoever brought about its URL chose the host that is asked, so
 * there is TLS, and the address is a public one, whatever the settings say.
 */
function concrete({ settings: [first, ...others] }: PatternGroup, url: string): SettingsOfIssuer {
  const settle = (settings: SettingsOfIssuer[0]): SettingsOfIssuer[0] => ({
    ...settings,
    url,
    pattern: settings.url,
    allowInsecureHttp: false,
    allowPrivateNetwork: false,
  });
  return [settle(first), ...others.map(settle)];
}

/** Whether an issuer's host has a name that a pattern's issuer can be asked by. */
export function hasName({ labels }: IssuerUrl): boolean {
  return labels.every((label) => LABEL.test(label)) && !NUMBER.test(labels.at(-1) ?? "");
}

/** Of those that nobody uses right now; `but` is not among them. */
function leastRecentlyUsed(issuers: ReadonlyMap<string, Matched>, but?: Matched): Matched | undefined {
  let oldest: Matched | undefined;
  for (const issuer of issuers.values()) {
    const isFree = issuer.users === 0 && issuer !== but;
    if (isFree && (oldest === undefined || issuer.lastUsedMs < oldest.lastUsedMs)) oldest = issuer;
  }
  return oldest;
}

/** Whether an issuer answered, and with something that no issuer answers with: then its token is at fault, and not the network. */
function isItsOwnFault(error: unknown): boolean {
  if (!(error instanceof MayflyError) || error.code !== "issuer_unavailable") return false;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof IssuerFailure) return cause.kind === "persistent";
  }
  return false;
}
