import type { JsonObject } from "../encoding/json-reader.ts";
import { claimText, compileClaimMatcher, compileClaimPath } from "./claim-matcher.ts";
import type { ClaimMatcher } from "./claim-matcher.ts";

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
 * Compiles an issuer's rules, so that a token costs a look into a map for each claim that rules name by its text, and a
 * comparison for every other rule.
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

/** Rules by the text that one claim must have for them to hold. */
interface RulesByText {
  readonly read: ReturnType<typeof compileClaimPath>;
  readonly byText: ReadonlyMap<string, readonly CompiledRule[]>;
  /** For a claim that has no text to look up. */
  readonly all: readonly CompiledRule[];
}

function compileList(list: "allow" | "deny", rules: readonly ClaimRule[]): FirstRule {
  const compiled = rules.map((rule, order) => ({ rule, compiled: compileRule(list, rule, order) }));
  const groups = Map.groupBy(compiled, ({ rule }) => lookedUpClaim(rule));
  const indexed = [...groups].flatMap(([claim, members]) => (claim === undefined ? [] : [indexRules(claim, members)]));
  const others = (groups.get(undefined) ?? []).map((member) => member.compiled);
  return (claims) => {
    let first = firstThatHolds(others, claims);
    for (const group of indexed) {
      const found = firstThatHolds(candidates(group, claims), claims);
      if (found !== undefined && (first === undefined || found.order < first.order)) first = found;
    }
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

/** The first claim of a rule that must have one of a few whole texts. */
function lookedUpClaim({ claims }: ClaimRule): string | undefined {
  return Object.entries(claims).find(([, matcher]) => wholeTexts(matcher).length > 0)?.[0];
}

/** The texts of a matcher that consists of whole texts alone. */
function wholeTexts(matcher: ClaimMatcher | undefined): readonly string[] {
  if (typeof matcher === "string") return [matcher];
  if (!Array.isArray(matcher)) return [];
  const texts = matcher.filter((one): one is string => typeof one === "string");
  return texts.length === matcher.length ? texts : [];
}

function indexRules(
  claim: string,
  members: readonly { readonly rule: ClaimRule; readonly compiled: CompiledRule }[],
): RulesByText {
  const byText = new Map<string, CompiledRule[]>();
  for (const { rule, compiled } of members) {
    for (const text of new Set(wholeTexts(rule.claims[claim]))) {
      const known = byText.get(text);
      if (known === undefined) byText.set(text, [compiled]);
      else known.push(compiled);
    }
  }
  return { read: compileClaimPath(claim), byText, all: members.map(({ compiled }) => compiled) };
}

/** In their order; those that cannot hold may be left out. */
function candidates({ read, byText, all }: RulesByText, claims: JsonObject): readonly CompiledRule[] {
  const value = read(claims);
  if (value === undefined) return [];
  const text = claimText(value);
  return text === undefined ? all : (byText.get(text) ?? []);
}

function firstThatHolds(rules: readonly CompiledRule[], claims: JsonObject): CompiledRule | undefined {
  return rules.find(({ holds }) => holds(claims));
}
