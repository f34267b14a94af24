import { cutAtStars, matchesStars } from "./starred-text.ts";
import type { StarredText } from "./starred-text.ts";

/** A pattern that no issuer may be trusted by; the message says what is wrong with it. */
export class IssuerPatternError extends Error {
  override readonly name = "IssuerPatternError";
}

/**
 * The URLs of many issuers as one: an https URL in which a star stands for one or more letters, digits, hyphens and
 * underscores inside one label of the host or one segment of the path. Everything else is literal.
 */
export interface IssuerPattern {
  readonly text: string;
  /** {@link IssuerUrl.shape} of every URL that it matches. */
  readonly shape: string;
  /** The labels of the host, then the segments of the path. */
  readonly parts: readonly StarredText[];
}

/** An issuer's URL taken apart as a pattern is; nothing is folded, decoded or resolved. */
export interface IssuerUrl {
  /** Number of labels, port and number of segments: URLs that differ in one of them have no pattern in common. */
  readonly shape: string;
  /** The labels of the host. */
  readonly labels: readonly string[];
  /** The labels of the host, then the segments of the path. */
  readonly parts: readonly string[];
}

const SCHEME = "https://";

/** No longer issuer is ever written into a certificate. */
const MAX_URL_CHARACTERS = 1024;

/** A pattern's host, port and path: RFC 3986 without user information, query, fragment and percent-encoding. */
const PATTERN = /^[A-Za-z0-9*-]+(?:\.[A-Za-z0-9*-]+)*(?::[0-9]{1,5})?(?:\/[A-Za-z0-9._~!$&'()*+,;=:/-]*)?$/u;

/** What the URL standard reads as a part of an IPv4 address, and then the whole host. */
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/iu;

/**
 * Takes an issuer's URL apart. What is compared are its parts, so a star can never take in what separates them.
 *
 * @returns undefined for a text that no pattern can match
 */
export function splitIssuerUrl(url: string): IssuerUrl | undefined {
  if (url.length > MAX_URL_CHARACTERS || !url.startsWith(SCHEME)) return undefined;
  const [authority = "", ...segments] = url.slice(SCHEME.length).split("/");
  const colon = authority.indexOf(":");
  const labels = (colon === -1 ? authority : authority.slice(0, colon)).split(".");
  const port = colon === -1 ? "" : authority.slice(colon);
  return { shape: `${labels.length}${port}/${segments.length}`, labels, parts: [...labels, ...segments] };
}

/**
 * Reads a pattern.
 *
 * @param allowBroadWildcard permits stars in the last two labels of the host: domains that anybody can register
 * @throws IssuerPatternError for one that is malformed, has no star, or has one where it would trust strangers
 */
export function parseIssuerPattern(text: string, { allowBroadWildcard = false } = {}): IssuerPattern {
  if (!text.includes("*")) refuse("a pattern has a star");
  const url = splitIssuerUrl(text);
  if (url === undefined || !PATTERN.test(text.slice(SCHEME.length))) {
    return refuse("expected https://host/path with stars inside labels of the host or segments of the path");
  }
  if (text.includes("**")) refuse("a star stands for any number of characters: two in a row say nothing more");
  checkHost(url.labels, allowBroadWildcard);
  return { text, shape: url.shape, parts: url.parts.map(cutAtStars) };
}

function checkHost(labels: readonly string[], allowBroadWildcard: boolean): void {
  if (labels.every((label) => label === "*")) refuse("a host of stars alone trusts everybody");
  const topLabels = labels.slice(-2);
  if (NUMBER.test(topLabels.at(-1) ?? "")) refuse("the host is an address: expected a name");
  if (!allowBroadWildcard && topLabels.some((label) => label.includes("*"))) {
    refuse(
      "a star in the last two labels of the host trusts domains that anybody can register; " +
        "allowBroadWildcard: true permits it all the same",
    );
  }
}

function refuse(why: string): never {
  throw new IssuerPatternError(why);
}

/** Whether an issuer's URL is one of the pattern's; each part is gone through once. */
export function matchesIssuerPattern(pattern: IssuerPattern, url: IssuerUrl): boolean {
  return (
    pattern.shape === url.shape &&
    pattern.parts.every((part, index) => matchesStars(part, url.parts[index] ?? "", isFilling))
  );
}

/** What a star stands for: `[-_A-Za-z0-9]`, and nothing that ends a label, a segment or a URL. */
function isFilling(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (!isFillingCharacter(text.charCodeAt(at))) return false;
  return true;
}

const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;

function isFillingCharacter(code: number): boolean {
  const isDigit = code >= 0x30 && code <= 0x39;
  const folded = code | 0x20;
  const isLetter = folded >= 0x61 && folded <= 0x7a;
  return isDigit || isLetter || code === HYPHEN || code === UNDERSCORE;
}

/** What can stand for a star; one of them that a pattern does not spell out is only ever matched by a star of it. */
const FILLINGS = Array.from("_zyxwvutsrqponmlkjihgfedcba9876543210-");

/**
 * Whether a pattern matches a URL, or all that another pattern does.
 *
 * @param url exact, or the text of a pattern
 */
export function coversIssuers(pattern: IssuerPattern, url: string): boolean {
  const filling = FILLINGS.find((character) => !pattern.text.includes(character));
  if (filling === undefined) return url === pattern.text;
  const split = splitIssuerUrl(url.replaceAll("*", filling));
  return split !== undefined && matchesIssuerPattern(pattern, split);
}

/** Whether there is a URL that both patterns match. Time is linear in their length. */
export function haveCommonUrl(a: IssuerPattern, b: IssuerPattern): boolean {
  return a.shape === b.shape && a.parts.every((part, index) => haveCommonText(part, b.parts[index] ?? [""]));
}

/** A character that no star stands for. */
const FIXED = /([^-_A-Za-z0-9*])/u;

/** Whether one text can be both: characters that no star takes in are the same ones, and what is between them agrees. */
function haveCommonText(a: StarredText, b: StarredText): boolean {
  const [left, right] = [a, b].map((text) => text.join("*").split(FIXED)) as [string[], string[]];
  return (
    left.length === right.length &&
    left.every((piece, at) => haveCommonFilling(cutAtStars(piece), cutAtStars(right[at] ?? "")))
  );
}

/**
 * The same of texts whose every character a star can stand for. Where both have stars it is enough that their beginnings
 * agree, and their ends: the first star of one takes in all that the other has up to its last.
 */
function haveCommonFilling(a: StarredText, b: StarredText): boolean {
  if (a.length === 1) return matchesStars(b, a[0]);
  if (b.length === 1) return matchesStars(a, b[0]);
  const [endOfA, endOfB] = [a.at(-1) ?? "", b.at(-1) ?? ""];
  return (a[0].startsWith(b[0]) || b[0].startsWith(a[0])) && (endOfA.endsWith(endOfB) || endOfB.endsWith(endOfA));
}
