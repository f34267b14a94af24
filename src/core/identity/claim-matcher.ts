import { isJsonArray, isJsonNumber, isJsonObject } from "../encoding/json-reader.ts";
import type { JsonObject, JsonValue } from "../encoding/json-reader.ts";
import { cutAtStars, matchesStars } from "./starred-text.ts";

/** What a claim's text is compared with. */
export type TextMatcher =
  /** The whole text. */
  | string
  /** Segments between slashes; a star stands for one or more characters of one, `**` at the end for all that follow. */
  | { readonly glob: string }
  /** A beginning that ends in a slash. */
  | { readonly prefix: string };

/** What a rule says of one claim: one of several texts, or that the token does not have it. */
export type ClaimMatcher = TextMatcher | readonly TextMatcher[] | { readonly absent: true };

/** Whether a text is one that is meant; undefined for one that cannot be judged segment by segment. */
export type TextTest = (text: string) => boolean | undefined;

/** Longer texts have no segments that a person could have meant. */
const MAX_SEGMENTED_TEXT = 2048;

/** Segments that whoever resolves a path would take for others. */
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:\/|$)/u;

/**
 * Compiles a comparison. Texts are compared character by character, in time that grows with the claim's length alone.
 *
 * @throws RangeError for a glob or prefix that {@link textMatcherFault} has something to say about
 */
export function compileTextMatcher(matcher: TextMatcher): TextTest {
  const fault = textMatcherFault(matcher);
  if (fault !== undefined) throw new RangeError(fault);
  if (typeof matcher === "string") return (text) => text === matcher;
  const test = "prefix" in matcher ? startsBelow(matcher.prefix) : compileGlob(matcher.glob);
  return (text) => (hasClearSegments(text) ? test(text) : undefined);
}

/** Whether a text can be judged segment by segment. */
export function hasClearSegments(text: string): boolean {
  return text.length <= MAX_SEGMENTED_TEXT && !DOT_SEGMENT.test(text);
}

/** What is wrong with a glob or prefix; undefined when nothing is. */
export function textMatcherFault(matcher: TextMatcher): string | undefined {
  if (typeof matcher === "string") return undefined;
  if ("prefix" in matcher) {
    return matcher.prefix.endsWith("/") ? undefined : "a prefix ends in a slash: org/ is org/x and not organization/x";
  }
  const { glob } = matcher;
  if (!glob.includes("*")) return "a glob has a star; without one write the text itself";
  const beforeEnd = glob.endsWith("/**") ? glob.slice(0, -2) : glob;
  return beforeEnd.includes("**") ? "** stands at the end, behind a slash: org/repo/**" : undefined;
}

const startsBelow =
  (prefix: string) =>
  (text: string): boolean =>
    text.length > prefix.length && text.startsWith(prefix);

function compileGlob(glob: string): (text: string) => boolean {
  const isOpen = glob.endsWith("/**");
  const segments = (isOpen ? glob.slice(0, -3) : glob).split("/").map(cutAtStars);
  return (text) => {
    const parts = text.split("/");
    if (isOpen ? parts.length <= segments.length : parts.length !== segments.length) return false;
    // What `**` stands for is not nothing.
    if (isOpen && parts.length === segments.length + 1 && parts.at(-1) === "") return false;
    return segments.every((segment, index) => matchesStars(segment, parts[index] ?? ""));
  };
}

/**
 * Compiles what a rule says of one claim. A text, a number as it is written and a boolean are compared by their text; of
 * a list, each element is, and one that matches is enough. A claim that is missing or null matches nothing but `absent`.
 *
 * @param name of the claim, or a JSON Pointer (RFC 6901) through objects to a member of one
 * @param whenUnclear what holds for a claim that has no text to compare: false in a rule that allows, true in one that
 *   denies, so that nobody gets past a rule with a claim of another form
 */
export function compileClaimMatcher(
  name: string,
  matcher: ClaimMatcher,
  whenUnclear: boolean,
): (claims: JsonObject) => boolean {
  const read = compileClaimPath(name);
  if (isAbsent(matcher)) {
    return (claims) => {
      const value = read(claims);
      return value === WITHOUT_MEMBERS ? whenUnclear : isNothing(value);
    };
  }
  const tests = isList(matcher) ? matcher.map(compileTextMatcher) : [compileTextMatcher(matcher)];
  const matches = (value: JsonValue): boolean => {
    if (value === null) return false;
    const text = claimText(value);
    return text === undefined ? whenUnclear : tests.some((test) => test(text) ?? whenUnclear);
  };
  return (claims) => {
    const value = read(claims);
    if (value === undefined) return false;
    return isJsonArray(value) ? value.some(matches) : matches(value);
  };
}

/** Stands for a member of what has none, a text or a list: nobody can say that it is missing, and it has no text. */
const WITHOUT_MEMBERS: JsonObject = new Map();

/** Where a rule finds its claim. */
export function compileClaimPath(name: string): (claims: JsonObject) => JsonValue | undefined {
  if (!name.startsWith("/")) return (claims) => claims.get(name);
  const steps = name
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return (claims) => {
    let value: JsonValue | undefined = claims;
    for (const step of steps) {
      if (isNothing(value)) return undefined;
      if (!isJsonObject(value)) return WITHOUT_MEMBERS;
      value = value.get(step);
    }
    return value;
  };
}

/** The text of a claim that has one. */
export function claimText(value: JsonValue | undefined): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  return isJsonNumber(value) ? value.text : undefined;
}

const isNothing = (value: JsonValue | undefined): boolean => value === undefined || value === null;

function isList(matcher: ClaimMatcher): matcher is readonly TextMatcher[] {
  return Array.isArray(matcher);
}

function isAbsent(matcher: ClaimMatcher): matcher is { readonly absent: true } {
  return typeof matcher === "object" && "absent" in matcher;
}
