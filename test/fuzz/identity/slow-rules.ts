import type { JsonObject, JsonValue } from "../../../src/core/encoding/json-reader.ts";
import type { ClaimJudgement } from "../../../src/core/identity/apply-claim-rules.ts";
import type { TextMatcher } from "../../../src/core/identity/claim-matcher.ts";
import type { ClaimRule, ClaimRulesInput } from "../../../src/core/identity/claim-rules.ts";
import { slowlyMatches } from "./slow-pattern.ts";

/** What the documentation says of rules, in the plainest way there is: no compilation, no index, every way is tried. */
export function slowlyJudge({ allow, deny }: ClaimRulesInput, claims: JsonObject): ClaimJudgement {
  const named = (list: "allow" | "deny", rules: readonly ClaimRule[]): string | undefined => {
    const at = rules.findIndex((rule) => slowlyHolds(rule, claims, list));
    return at === -1 ? undefined : (rules[at]?.name ?? `${list}[${String(at)}]`);
  };
  const denied = named("deny", deny);
  if (denied !== undefined) return { permitted: false, rule: denied };
  const allowed = allow === "any" ? "any" : named("allow", allow);
  return allowed === undefined ? { permitted: false } : { permitted: true, rule: allowed };
}

function slowlyHolds(rule: ClaimRule, claims: JsonObject, list: "allow" | "deny"): boolean {
  return Object.entries(rule.claims).every(([name, matcher]) => {
    const found = name.startsWith("/") ? slowlyFollow(claims, name.slice(1).split("/")) : { value: claims.get(name) };
    if (found === "of another form") return list === "deny";
    const { value } = found;
    const isMissing = value === undefined || value === null;
    if (typeof matcher === "object" && "absent" in matcher) return isMissing;
    if (isMissing) return false;
    const matchers = (Array.isArray(matcher) ? matcher : [matcher]) as readonly TextMatcher[];
    const elements: readonly JsonValue[] = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
    return elements.some(
      (element) => element !== null && matchers.some((one) => slowlyIsMeant(one, element, list === "deny")),
    );
  });
}

/** A JSON Pointer (RFC 6901) through objects. */
function slowlyFollow(
  claims: JsonObject,
  [step = "", ...rest]: readonly string[],
): { readonly value: JsonValue | undefined } | "of another form" {
  const value = claims.get(step.split("~1").join("/").split("~0").join("~"));
  if (rest.length === 0) return { value };
  if (value === undefined || value === null) return { value: undefined };
  return value instanceof Map ? slowlyFollow(value as JsonObject, rest) : "of another form";
}

function slowlyIsMeant(matcher: TextMatcher, value: JsonValue, unclear: boolean): boolean {
  let text: string;
  if (typeof value === "string") text = value;
  else if (typeof value === "boolean") text = value ? "true" : "false";
  else if (value !== null && "kind" in value) text = value.text;
  else return unclear;
  if (typeof matcher === "string") return text === matcher;
  if (text.length > 2048 || text.split("/").some((segment) => segment === "." || segment === "..")) return unclear;
  if ("prefix" in matcher) return text !== matcher.prefix && text.indexOf(matcher.prefix) === 0;
  return slowlyIsOfGlob(matcher.glob, text);
}

function slowlyIsOfGlob(glob: string, text: string): boolean {
  const isSegment = (filling: string): boolean => !filling.includes("/");
  if (!glob.endsWith("/**")) return slowlyMatches(glob, text, isSegment);
  // Cut at each slash: what is before it is of the glob, what is behind it is not nothing.
  const segments = text.split("/");
  return segments.slice(1).some((_segment, at) => {
    const [before, behind] = [segments.slice(0, at + 1).join("/"), segments.slice(at + 1).join("/")];
    return behind !== "" && slowlyMatches(glob.slice(0, -3), before, isSegment);
  });
}
