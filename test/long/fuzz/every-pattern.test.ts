import { describe, expect, it } from "@jest/globals";
import {
  coversIssuers,
  haveCommonUrl,
  matchesIssuerPattern,
  parseIssuerPattern,
  splitIssuerUrl,
} from "../../../src/core/identity/issuer-pattern.ts";
import type { IssuerPattern } from "../../../src/core/identity/issuer-pattern.ts";
import { everyText, slowlyMatchesIssuer } from "../../fuzz/identity/slow-pattern.ts";
import { recordEvidence } from "../../support/evidence.ts";

const LONGEST_PART = 4;
/** Two parts of four have a text in common that is no longer than this, or none. */
const LONGEST_TEXT = 7;

/** Every text, as the last segment of a URL; `c` is in no pattern. */
const TEXTS = everyText(Array.from("a~bc"), LONGEST_TEXT);
const BEFORE = "https://*.example.com/";

interface Part {
  readonly pattern: IssuerPattern;
  /** A bit for each text that it matches. */
  readonly matched: Uint32Array;
}

const PARTS: readonly Part[] = everyText(Array.from("a~b*"), LONGEST_PART)
  .filter((text) => text !== "" && !text.includes("**"))
  .map((text) => {
    const matched = new Uint32Array(Math.ceil(TEXTS.length / 32));
    for (const [at, one] of TEXTS.entries()) {
      if (slowlyMatchesIssuer(text, one)) matched[at >>> 5]! |= 1 << (at & 31);
    }
    return { pattern: parseIssuerPattern(BEFORE + text), matched };
  });

describe(`every pattern of up to ${String(LONGEST_PART)} characters`, () => {
  it("matches those texts that it should", () => {
    let count = 0;
    for (const [at, text] of TEXTS.entries()) {
      const url = splitIssuerUrl(`https://x.example.com/${text}`)!;
      for (const { pattern, matched } of PARTS) {
        const isMatched = ((matched[at >>> 5]! >>> (at & 31)) & 1) === 1;
        if (matchesIssuerPattern(pattern, url) !== isMatched) throw new Error(`${pattern.text} and ${text}`);
        if (isMatched) count++;
      }
    }
    recordEvidence(
      `patterns: every one of ${String(PARTS.length)} with every one of ${String(TEXTS.length)} texts, ${String(count)} matched`,
    );
    expect(count).toBeGreaterThan(TEXTS.length);
  });

  it("has a URL in common with another, and covers another, exactly when there is one, and when there is none besides", () => {
    const counts = { apart: 0, overlapping: 0, covering: 0 };
    for (const one of PARTS) {
      for (const other of PARTS) {
        const hasCommon = one.matched.some((bits, at) => (bits & other.matched[at]!) !== 0);
        const covers = other.matched.every((bits, at) => (bits & ~one.matched[at]!) === 0);
        const ours = [haveCommonUrl(one.pattern, other.pattern), coversIssuers(one.pattern, other.pattern.text)];
        if (ours[0] !== hasCommon || ours[1] !== covers) throw new Error(`${one.pattern.text} ${other.pattern.text}`);
        counts[covers ? "covering" : hasCommon ? "overlapping" : "apart"]++;
      }
    }
    recordEvidence(
      `patterns: every pair of them, ${String(counts.apart)} apart, ${String(counts.overlapping)} overlapping, ${String(counts.covering)} of which one covers the other`,
    );
    expect(Math.min(counts.apart, counts.overlapping, counts.covering)).toBeGreaterThan(PARTS.length);
  });
});
