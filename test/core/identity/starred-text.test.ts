import { describe, expect, it } from "@jest/globals";
import { cutAtStars, matchesStars } from "../../../src/core/identity/starred-text.ts";

describe("a text with stars", () => {
  it.each<[string, string, boolean]>([
    ["abc", "abc", true],
    ["abc", "abcd", false],
    ["", "", true],
    ["*", "", false],
    ["*", "a", true],
    ["a*a", "aa", false],
    ["a*a", "aaa", true],
    ["a*b*a", "aba", false],
    ["a*b*a", "abba", false],
    ["a*b*a", "axbxa", true],
    ["a*b*a", "abbba", true],
    ["*ab*ab", "xababab", true],
    ["*ab*ab", "ababab", false],
  ])("%j and %j: %j", (pattern, text, expected) => {
    expect(matchesStars(cutAtStars(pattern), text)).toBe(expected);
  });

  it("is compared without a way back: what its stars stand for is looked at once", () => {
    const pattern = cutAtStars(`${"*a".repeat(200)}*c`);
    const text = `${"a".repeat(10_000)}b`;
    let looked = 0;
    const count = (_text: string, start: number, end: number): boolean => {
      looked += end - start;
      return true;
    };
    expect(matchesStars(pattern, text, count)).toBe(false);
    expect(matchesStars(pattern, `${text}c`, count)).toBe(true);
    expect(looked).toBeLessThanOrEqual(text.length + 1);
  });
});
