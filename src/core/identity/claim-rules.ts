import type { JsonObject } from "../encoding/json-reader.ts";
import { claimText, compileClaimMatcher, compileClaimPath, hasClearSegments } from "./claim-matcher.ts";
import type { ClaimMatcher, TextMatcher } from "./claim-matcher.ts";

/** A rule as an operator writes it: it holds when all that it says of claims does. */
export interface ClaimRule {
  /** For the audit trail; a rule without one is named by its place, `allow[0]`. */
  readonly name?: string | undefined;
  /** By name of the claim or JSON Pointer; at least one. */
  readonly claims: Readonly<Record<string, ClaimMatcher>>;
}

/** Which tokens of an issuer are taken. */
export interface ClaimRulesInput {
  /** `any` token that no rule denies, or those that one of the rules holds for. */
  readonly allow: "any" | readonly ClaimRule[];
  /** Tokens that are refused whatever allows them. */
  readonly deny: readonly ClaimRule[];
}

/** Name of the first rule that holds for a token; undefined when none does. */
type FirstRule = (claims: JsonObject) => string | undefined;

/** {@link ClaimRulesInput}, compiled. */
export interface ClaimRules {
  readonly allow: FirstRule;
  readonly deny: FirstRule;
}

/** Name of what permits a token where no rule is needed for it. */
export const ANY_TOKEN = "any";

/** Rules that take every token. */
export const NO_CLAIM_RULES: ClaimRules = { allow: () => ANY_TOKEN, deny: () => undefined };

/**
 * Compiles an issuer's rules, so that a token costs two looks into a map for each claim that rules name by its text or its
 * first segment, and a comparison for every other rule.
 *
 * @throws RangeError for a glob or prefix that is malformed
 */
export function compileClaimRules({ allow, deny }: ClaimRulesInput): ClaimRules {
  return {
    allow: allow === "any" ? NO_CLAIM_RULES.allow : compileList("allow", allow),
    deny: compileList("deny", deny),
  };
}

interface CompiledRule {
  /** Place in the list: the first rule that holds is the one that is named. */
  readonly order: number;
  readonly name: string;
  readonly holds: (claims: JsonObject) => boolean;
}

/** Rules by what one claim must be, or begin with, for them to hold. */
interface RulesByKey {
  readonly read: ReturnType<typeof compileClaimPath>;
  readonly byKey: ReadonlyMap<string, readonly CompiledRule[]>;
  /** For a claim that has nothing to look up. */
  readonly all: readonly CompiledRule[];
}

function compileList(list: "allow" | "deny", rules: readonly ClaimRule[]): FirstRule {
  const claimOf = chooseClaims(rules);
  const compiled = rules.map((rule, order) => ({ rule, compiled: compileRule(list, rule, order) }));
  const groups = Map.groupBy(compiled, ({ rule }) => claimOf(rule));
  const indexed = [...groups].flatMap(([claim, members]) => (claim === undefined ? [] : [indexRules(claim, members)]));
  const others = (groups.get(undefined) ?? []).map((member) => member.compiled);
  return (claims) => {
    let first = firstThatHolds(others, claims);
    for (const group of indexed) first = earlier(first, firstCandidate(group, claims));
    return first?.name;
  };
}

function compileRule(list: "allow" | "deny", { name, claims }: ClaimRule, order: number): CompiledRule {
  const holds = Object.entries(claims).map(([claim, matcher]) => compileClaimMatcher(claim, matcher, list === "deny"));
  if (holds.length === 0) throw new RangeError("a rule without claims would hold for every token");
  return {
    order,
    name: name ?? `${list}[${order}]`,
    holds: (claimsOfToken) => holds.every((holdsFor) => holdsFor(claimsOfToken)),
  };
}

/** By which claim each rule is looked up: the one whose keys it shares with the fewest others; none for undefined. */
function chooseClaims(rules: readonly ClaimRule[]): (rule: ClaimRule) => string | undefined {
  const uses = new Map<string, number>();
  const key = (claim: string, text: string): string => JSON.stringify([claim, text]);
  const keyed = rules.map(({ claims }) =>
    Object.entries(claims).map(([claim, matcher]) => ({ claim, keys: keysOf(matcher) })),
  );
  for (const { claim, keys } of keyed.flat()) {
    for (const text of keys) uses.set(key(claim, text), (uses.get(key(claim, text)) ?? 0) + 1);
  }
  const company = (claim: string, keys: ReadonlySet<string>): number =>
    Math.max(...[...keys].map((text) => uses.get(key(claim, text)) ?? 0));
  const chosen = new Map(
    rules.map((rule, order) => {
      const usable = (keyed[order] ?? []).filter(({ keys }) => keys.size > 0);
      const [best] = usable.toSorted((a, b) => company(a.claim, a.keys) - company(b.claim, b.keys));
      return [rule, best?.claim] as const;
    }),
  );
  return (rule) => chosen.get(rule);
}

/** What a matcher can be looked up by, one for each of its texts; none when one of them could stand anywhere. */
function keysOf(matcher: ClaimMatcher | undefined): ReadonlySet<string> {
  if (matcher === undefined) return new Set();
  const texts = typeof matcher === "string" || !("absent" in matcher) ? [matcher].flat() : [];
  const keys = texts.map(keyOf);
  return new Set(keys.every((key) => key !== undefined) ? keys : []);
}

/** The whole text, or the first segment of whatever fits; a star in it fits too much. */
function keyOf(matcher: TextMatcher): string | undefined {
  if (typeof matcher === "string") return matcher;
  const segment = firstSegment("prefix" in matcher ? matcher.prefix : matcher.glob);
  return segment === "" || ("glob" in matcher && segment.includes("*")) ? undefined : segment;
}

/** With its slash; nothing when there is none. */
const firstSegment = (text: string): string => text.slice(0, text.indexOf("/") + 1);

function indexRules(
  claim: string,
  members: readonly { readonly rule: ClaimRule; readonly compiled: CompiledRule }[],
): RulesByKey {
  const byKey = new Map<string, CompiledRule[]>();
  for (const { rule, compiled } of members) {
    for (const key of keysOf(rule.claims[claim])) {
      const known = byKey.get(key);
      if (known === undefined) byKey.set(key, [compiled]);
      else known.push(compiled);
    }
  }
  return { read: compileClaimPath(claim), byKey, all: members.map(({ compiled }) => compiled) };
}

/** The first of those that can hold, by their claim; of all when it has no text, or one that they cannot judge. */
function firstCandidate({ read, byKey, all }: RulesByKey, claims: JsonObject): CompiledRule | undefined {
  const value = read(claims);
  if (value === undefined) return undefined;
  const text = claimText(value);
  if (text === undefined || !hasClearSegments(text)) return firstThatHolds(all, claims);
  const named = firstThatHolds(byKey.get(text) ?? [], claims);
  return earlier(named, firstThatHolds(byKey.get(firstSegment(text)) ?? [], claims));
}

function earlier(one: CompiledRule | undefined, other: CompiledRule | undefined): CompiledRule | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.order < one.order ? other : one;
}

function firstThatHolds(rules: readonly CompiledRule[], claims: JsonObject): CompiledRule | undefined {
  return rules.find(({ holds }) => holds(claims));
}
