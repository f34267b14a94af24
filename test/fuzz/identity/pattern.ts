import fc from "fast-check";
import {
  coversIssuers,
  haveCommonUrl,
  IssuerPatternError,
  matchesIssuerPattern,
  parseIssuerPattern,
  splitIssuerUrl,
} from "../../../src/core/identity/issuer-pattern.ts";
import type { IssuerPattern } from "../../../src/core/identity/issuer-pattern.ts";
import { comparison, requireSame } from "../comparison.ts";
import { everyText, slowlyMatchesIssuer } from "./slow-pattern.ts";

const BROAD = { allowBroadWildcard: true };

function matches(pattern: IssuerPattern, url: string): boolean {
  const split = splitIssuerUrl(url);
  return split !== undefined && matchesIssuerPattern(pattern, split);
}

const textOf = (characters: string, minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from(characters)), minLength, maxLength });
const once = (stars: string): string => stars.replaceAll(/\*+/gu, "*");

/** Patterns with a few stars, in labels and segments that are long enough to hold several. */
const patterns = (): fc.Arbitrary<string> =>
  fc
    .record({
      labels: fc.array(textOf("ab-A7**", 1, 5), { minLength: 1, maxLength: 2 }),
      port: fc.constantFrom("", ":443", ":8443"),
      segments: fc.array(fc.oneof(textOf("ab_A7-**", 1, 7), textOf(".~*a", 0, 4)), { maxLength: 3 }),
    })
    .map(({ labels, port, segments }) =>
      once(`https://${[...labels, "a7", "ab"].join(".")}${port}${segments.map((segment) => `/${segment}`).join("")}`),
    )
    .filter((text) => text.includes("*"));

/** The pattern with its stars filled, well or badly, and perhaps something about the rest changed. */
const urlsNear = (pattern: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.array(
        fc.oneof(
          { weight: 8, arbitrary: textOf("ab-_A7", 1, 4) },
          {
            weight: 1,
            arbitrary: fc.constantFrom("", ".", "/", ":", "%61", "@", "é", "\n", "a.b", "a/b", "*", "x".repeat(1000)),
          },
        ),
        { minLength: 4, maxLength: 4 },
      ),
      fc.nat(),
      fc.constantFrom("", "", "", "", "", "a", "/", ".", "-", "?", "#", "\u0000"),
    )
    .map(([fillings, at, what]) => {
      let next = 0;
      const filled = pattern.replaceAll("*", () => fillings[next++ % fillings.length] ?? "");
      const place = what === "" ? 0 : at % (filled.length + 1);
      return filled.slice(0, place) + what + filled.slice(place);
    });

const MATCHED = comparison({
  name: "URLs and a pattern of issuers",
  weight: 1,
  needed: ["matched", "not matched"],
  inputs: patterns().chain((pattern) => fc.tuple(fc.constant(pattern), urlsNear(pattern))),
  compare: ([pattern, url]) => {
    const isMatched = matches(parseIssuerPattern(pattern, BROAD), url);
    requireSame(isMatched, slowlyMatchesIssuer(pattern, url));
    return isMatched ? "matched" : "not matched";
  },
});

const parsed = (text: string, options?: typeof BROAD): IssuerPattern | undefined => {
  try {
    return parseIssuerPattern(text, options);
  } catch (error) {
    if (error instanceof IssuerPatternError) return undefined;
    throw error;
  }
};

/**
 * Whether the URL standard reads the text as a plain https URL whose host is this one, whatever stands for its stars; where a
 * star can make a number of the last label, issuers are looked at one by one.
 */
function isPlainUrl(text: string): boolean {
  const [authority = ""] = text.slice("https://".length).split("/");
  const name = authority.replace(/:[0-9]+$/u, "");
  const fillings = name.slice(name.lastIndexOf(".") + 1).includes("*") ? ["x", "a-b"] : ["x", "7", "0x7", "a-b"];
  return fillings.every((filling) => {
    const url = URL.parse(text.replaceAll("*", filling));
    const host = name.replaceAll("*", filling).toLowerCase();
    return (
      url?.protocol === "https:" &&
      url.hostname === host &&
      !/^[0-9.]+$/u.test(url.hostname) &&
      `${url.username}${url.password}${url.search}${url.hash}` === ""
    );
  });
}

const nearPatterns = (): fc.Arbitrary<string> => {
  const odd = fc.constantFrom(
    "",
    "**",
    ":443",
    ":",
    "@",
    "?",
    "#",
    "%2a",
    "é",
    "\\",
    " ",
    "[::1]",
    "_",
    "7",
    "0x7",
    "/",
    ".",
  );
  const part = fc
    .array(fc.oneof({ weight: 12, arbitrary: fc.constantFrom("*", "a", "b-c", "com", "A") }, odd), {
      minLength: 1,
      maxLength: 2,
    })
    .map((pieces) => pieces.join(""));
  const parts = (separator: string): fc.Arbitrary<string> =>
    fc.array(part, { maxLength: 4 }).map((all) => all.join(separator));
  const scheme = fc.oneof(
    { weight: 12, arbitrary: fc.constant("https://") },
    fc.constantFrom("http://", "https:/", "HTTPS://", ""),
  );
  return fc.tuple(scheme, parts("."), fc.constantFrom("", "/", ":8443/"), parts("/")).map((pieces) => pieces.join(""));
};

const WRITTEN = comparison({
  name: "texts that may be patterns of issuers",
  weight: 1,
  needed: ["taken", "taken as broad", "refused"],
  inputs: nearPatterns(),
  compare: (text) => {
    const [narrow, broad] = [parsed(text), parsed(text, BROAD)];
    if (broad === undefined) {
      requireSame(narrow, undefined);
      return "refused";
    }
    requireSame(isPlainUrl(text), true);
    const labels = text.slice("https://".length).split(/[/:]/u)[0]?.split(".") ?? [];
    requireSame(
      labels.some((label) => label !== "*"),
      true,
    );
    const isBroad = labels.slice(-2).some((label) => label.includes("*"));
    requireSame(narrow === undefined, isBroad);
    return isBroad ? "taken as broad" : "taken";
  },
});

/** `c` stands in no part, so it stands for all that a star can be and a part does not spell out. */
const WORDS = everyText(Array.from("ab~c"), 6);
const wordsByPart = new Map<string, ReadonlySet<string>>();

/** Every short text that a part of a pattern matches. */
export function wordsOf(part: string): ReadonlySet<string> {
  const words = wordsByPart.get(part) ?? new Set(WORDS.filter((word) => slowlyMatchesIssuer(part, word)));
  wordsByPart.set(part, words);
  return words;
}

/** A pattern in parts that are short enough for all of their texts to be gone through. */
interface SmallPattern {
  readonly labels: readonly string[];
  readonly port: string;
  readonly segments: readonly string[];
}

const small = (): fc.Arbitrary<SmallPattern> =>
  fc
    .record({
      labels: fc.array(textOf("ab**", 1, 3).map(once), { minLength: 1, maxLength: 2 }),
      port: fc.constantFrom("", "", "", ":1"),
      segments: fc.array(textOf("a~b**", 0, 3).map(once), { maxLength: 2 }),
    })
    .filter(({ labels, segments }) => [...labels, ...segments].join("").includes("*"));

const write = ({ labels, port, segments }: SmallPattern): string =>
  `https://${[...labels, "ex", "com"].join(".")}${port}${segments.map((segment) => `/${segment}`).join("")}`;

/** Whether two patterns are of one form, and `holds` for each two parts. */
function partByPart(a: SmallPattern, b: SmallPattern, holds: (a: string, b: string) => boolean): boolean {
  if (a.port !== b.port || a.labels.length !== b.labels.length || a.segments.length !== b.segments.length) return false;
  const others = [...b.labels, ...b.segments];
  return [...a.labels, ...a.segments].every((part, at) => holds(part, others[at] ?? ""));
}

/** Another pattern, mostly one that differs in little. */
const beside = (one: SmallPattern): fc.Arbitrary<SmallPattern> =>
  fc.oneof(
    small(),
    fc
      .tuple(small(), fc.boolean(), fc.boolean())
      .map(([{ labels, segments }, keepsLabels, keepsSegments]) => ({
        labels: keepsLabels ? one.labels : one.labels.map((label, at) => labels[at] ?? label),
        port: one.port,
        segments: keepsSegments ? one.segments : one.segments.map((segment, at) => segments[at] ?? segment),
      }))
      .filter((other) => write(other).includes("*")),
  );

const BESIDE = comparison({
  name: "two patterns of issuers",
  weight: 1,
  needed: ["nothing in common", "something in common", "one covers the other"],
  inputs: small().chain((one) => fc.tuple(fc.constant(one), beside(one))),
  compare: ([one, other]) => {
    const [a, b] = [one, other].map((pattern) => parseIssuerPattern(write(pattern), BROAD)) as [
      IssuerPattern,
      IssuerPattern,
    ];
    const hasCommon = partByPart(one, other, (left, right) =>
      [...wordsOf(left)].some((word) => wordsOf(right).has(word)),
    );
    const isCovered = partByPart(one, other, (left, right) =>
      [...wordsOf(right)].every((word) => wordsOf(left).has(word)),
    );
    requireSame([haveCommonUrl(a, b), haveCommonUrl(b, a)], [hasCommon, hasCommon]);
    requireSame(coversIssuers(a, b.text), isCovered);
    if (isCovered) return "one covers the other";
    return hasCommon ? "something in common" : "nothing in common";
  },
});

/** Everything about issuers' URL patterns. */
export const PATTERNS = [MATCHED, WRITTEN, BESIDE];
