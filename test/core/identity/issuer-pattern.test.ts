import { describe, expect, it } from "@jest/globals";
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

const SEED = { seed: 20261122 };

const EKS = "https://oidc.eks.*.amazonaws.com/id/*";
const GKE = "https://container.googleapis.com/v1/projects/*/locations/*/clusters/*";
const AKS_REGIONAL = "https://*.oic.prod-aks.azure.com/*/*";
const AKS_REGIONAL_SLASH = `${AKS_REGIONAL}/`;
const CIRCLECI = "https://oidc.circleci.com/org/*";
const AKS_ONE = "https://oidc.prod-aks.azure.com/*";
const AKS_ONE_SLASH = `${AKS_ONE}/`;
const AKS_TWO = `${AKS_ONE}/*`;
const GITHUB = "https://token.actions.githubusercontent.com/*";
const GUID = "11111111-2222-3333-4444-555555555555";
const HEX = "B02C93B6A2D30341AD01E1B6D48164CB";

function matches(pattern: string, url: string): boolean {
  const split = splitIssuerUrl(url);
  return split !== undefined && matchesIssuerPattern(parseIssuerPattern(pattern, { allowBroadWildcard: true }), split);
}

/** What Fulcio makes of a pattern (`pkg/config/config.go`), for comparison only. */
function asFulcioDoes(pattern: string): RegExp {
  const literal = pattern.replaceAll(/[\\^$.|?*+()[\]{}]/gu, "\\$&");
  return new RegExp(`^${literal.replaceAll("\\*", "[-_a-zA-Z0-9]+")}$`, "u");
}

const localhosts = (url: string): string[] => [`http://localhost?issuer=${url}`, `http://localhost/redirect/${url}`];

describe("a pattern of issuers' URLs", () => {
  it.each<{ row: string; pattern: string; yes: readonly string[]; no: readonly string[] }>([
    {
      row: "[FC82] EKS",
      pattern: EKS,
      yes: [`https://oidc.eks.us-west-2.amazonaws.com/id/${HEX}`],
      no: [
        `https://oidc.eks.us.west.2.amazonaws.com/id/${HEX}`,
        `https://oidc.eks.us-west/2.amazonaws.com/id/${HEX}`,
        `https://oidc.eks.us-west-2.amazonaws.com/id/${HEX}/x`,
        ...localhosts(`https://oidc.eks.us-west-2.amazonaws.com/id/${HEX}`),
      ],
    },
    {
      row: "[FC83] GKE",
      pattern: GKE,
      yes: ["https://container.googleapis.com/v1/projects/my-project/locations/us-west1/clusters/cluster_1"],
      no: [
        "https://container.googleapis.com/v1/projects/my.project/locations/us-west1/clusters/c",
        "https://container.googleapis.com/v1/projects/p/locations/us.west1/clusters/c",
        "https://container.googleapis.com/v1/projects/p/locations/us-west1/clusters/c.d",
        ...localhosts("https://container.googleapis.com/v1/projects/p/locations/l/clusters/c"),
      ],
    },
    {
      row: "[FC84] AKS in a region, two parts",
      pattern: AKS_REGIONAL,
      yes: [`https://westeurope.oic.prod-aks.azure.com/${GUID}/${GUID}`],
      no: [
        `https://west.europe.oic.prod-aks.azure.com/${GUID}/${GUID}`,
        `https://west/europe.oic.prod-aks.azure.com/${GUID}/${GUID}`,
        `https://westeurope.oic.prod-aks.azure.com/${GUID}`,
        `https://westeurope.oic.prod-aks.azure.com/${GUID}/${GUID}/`,
        ...localhosts(`https://westeurope.oic.prod-aks.azure.com/${GUID}/${GUID}`),
      ],
    },
    {
      row: "[FC85] AKS in a region, with a slash at the end",
      pattern: AKS_REGIONAL_SLASH,
      yes: [`https://westeurope.oic.prod-aks.azure.com/${GUID}/${GUID}/`],
      no: [
        `https://westeurope.oic.prod-aks.azure.com/${GUID}/${GUID}`,
        `https://westeurope.oic.prod-aks.azure.com/${GUID}/`,
        `https://west.europe.oic.prod-aks.azure.com/${GUID}/${GUID}/`,
        ...localhosts(`https://westeurope.oic.prod-aks.azure.com/${GUID}/${GUID}/`),
      ],
    },
    {
      row: "[FC86] an organization of CircleCI",
      pattern: CIRCLECI,
      yes: ["https://oidc.circleci.com/org/my-org", "https://oidc.circleci.com/org/12345"],
      no: [
        "https://oidc.circleci.com/org/my-org/extra",
        "https://oidc.circleci.com/org/",
        "https://oidc.circleci.com/org",
        ...localhosts("https://oidc.circleci.com/org/my-org"),
      ],
    },
    {
      row: "[FC87] AKS, one part",
      pattern: AKS_ONE,
      yes: [`https://oidc.prod-aks.azure.com/${GUID}`],
      no: [
        `https://oidc.prod-aks.azure.com/${GUID}/${GUID}`,
        `https://oidc.prod-aks.azure.com/${GUID}/`,
        ...localhosts(`https://oidc.prod-aks.azure.com/${GUID}`),
      ],
    },
    {
      row: "[FC88] AKS, one part and a slash",
      pattern: AKS_ONE_SLASH,
      yes: [`https://oidc.prod-aks.azure.com/${GUID}/`],
      no: [`https://oidc.prod-aks.azure.com/${GUID}`, ...localhosts(`https://oidc.prod-aks.azure.com/${GUID}/`)],
    },
    {
      row: "[FC89] AKS, two parts",
      pattern: AKS_TWO,
      yes: [`https://oidc.prod-aks.azure.com/${GUID}/${GUID}`],
      no: [
        `https://oidc.prod-aks.azure.com/${GUID}`,
        `https://oidc.prod-aks.azure.com/${GUID}/`,
        `https://oidc.prod-aks.azure.com/${GUID}/${GUID}/`,
        ...localhosts(`https://oidc.prod-aks.azure.com/${GUID}/${GUID}`),
      ],
    },
    {
      row: "[FC90] an enterprise of GitHub",
      pattern: GITHUB,
      yes: ["https://token.actions.githubusercontent.com/some-enterprise"],
      no: [
        "https://token.actions.githubusercontent.com/some-enterprise/x",
        "https://token.actions.githubusercontent.com",
        "https://token.actions.githubusercontent.com/",
        ...localhosts("https://token.actions.githubusercontent.com/some-enterprise"),
      ],
    },
    {
      row: "[FC68] [FC69] a label of a host",
      pattern: "https://wildcard.*.example.com",
      yes: ["https://wildcard.hello.example.com"],
      no: ["https://wildcard.helloexample.com", "https://wildcard..example.com", "https://wildcard.example.com"],
    },
    {
      row: "metacharacters, which stand for themselves",
      pattern: "https://a.example.com/x.(y)+$/*",
      yes: ["https://a.example.com/x.(y)+$/z"],
      no: ["https://a.example.com/xa(y)+$/z", "https://a.example.com/x.yy/z", "https://aaexample.com/x.(y)+$/z"],
    },
    {
      row: "several stars in one segment",
      pattern: "https://ci.example.com/a*b*c",
      yes: ["https://ci.example.com/a1b2c", "https://ci.example.com/abbbc", "https://ci.example.com/aabbcc"],
      no: ["https://ci.example.com/abc", "https://ci.example.com/abbc", "https://ci.example.com/a1b2cd"],
    },
  ])("matches $row", ({ pattern, yes, no }) => {
    expect(yes.filter((url) => !matches(pattern, url))).toEqual([]);
    expect(no.filter((url) => matches(pattern, url))).toEqual([]);
  });

  it("is not matched by a star filled with what ends a label, a segment or a URL, or with another script", () => {
    const fillings = [
      "",
      ".",
      "/",
      "%2e",
      "%2f",
      "@",
      ":",
      "?",
      "#",
      "a.b",
      "a/b",
      "a b",
      "\n",
      "\u0000",
      "é",
      "\u212a",
      "K\u0307",
    ];
    const urls = fillings.flatMap((filling) => [
      `https://oidc.eks.${filling}.amazonaws.com/id/${HEX}`,
      `https://oidc.eks.us-west-2.amazonaws.com/id/${filling}`,
    ]);
    expect(urls.filter((url) => matches(EKS, url))).toEqual([]);
  });

  const part = fc.string({ unit: fc.constantFrom("a", "b", "*", "-", "_", "A", "7"), minLength: 1, maxLength: 6 });
  const patterns = fc
    .record({
      labels: fc.array(part, { minLength: 1, maxLength: 3 }),
      port: fc.constantFrom("", ":443", ":8443"),
      segments: fc.array(fc.oneof(part, fc.constantFrom("", "~.", "*.(+)", "$")), { maxLength: 3 }),
    })
    .map(
      ({ labels, port, segments }) =>
        `https://${[...labels, "ab", "ba"].join(".")}${port}${segments.map((segment) => `/${segment}`).join("")}`,
    )
    .filter((text) => text.includes("*") && !text.includes("**") && !text.includes("_.") && !/\/\/[^/]*_/u.test(text));

  /** URLs near a pattern: its stars filled well or badly, and perhaps something about the rest changed. */
  const urlsNear = (pattern: string) =>
    fc
      .tuple(
        fc.array(
          fc.oneof(
            {
              weight: 9,
              arbitrary: fc.string({ unit: fc.constantFrom("a", "b", "-", "_", "A", "7"), minLength: 1, maxLength: 4 }),
            },
            { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom("a", ".", "/", ":", "%", "é"), maxLength: 2 }) },
          ),
          { minLength: 6, maxLength: 6 },
        ),
        fc.constantFrom("", "", "", "", "/", "x", "?x", "\n", "#"),
      )
      .map(([fillings, end]) => {
        let next = 0;
        return pattern.replaceAll("*", () => fillings[next++ % fillings.length] ?? "") + end;
      });

  it("matches exactly what Fulcio's regular expression does, whatever the pattern", () => {
    let matched = 0;
    fc.assert(
      fc.property(
        patterns.chain((pattern) => fc.tuple(fc.constant(pattern), urlsNear(pattern))),
        ([pattern, url]) => {
          const expected = asFulcioDoes(pattern).test(url);
          if (expected) matched++;
          expect(matches(pattern, url)).toBe(expected);
        },
      ),
      { ...SEED, numRuns: 4000 },
    );
    // Otherwise the comparison would be one of refusals with refusals.
    expect(matched).toBeGreaterThan(300);
  });

  describe("beside another", () => {
    const short = fc
      .string({ unit: fc.constantFrom("a", "*", "~"), minLength: 1, maxLength: 4 })
      .filter((text) => !text.includes("**"));
    const texts = ["a", "~", "b"].reduce<string[]>(
      (all, _letter, _index, letters) => [...all, ...all.flatMap((text) => letters.map((letter) => text + letter))],
      [""],
    );
    const every = [
      ...new Set(
        texts.flatMap((text) => ["a", "~", "b"].flatMap((one) => ["", "a", "~", "b"].map((two) => text + one + two))),
      ),
    ];
    const urls = every.flatMap((text) => splitIssuerUrl(`https://x.example.com/${text}`) ?? []);
    const asPattern = (text: string) => parseIssuerPattern(`https://*.example.com/${text}`);
    const onPairs = (judge: (left: IssuerPattern, right: IssuerPattern) => void): void => {
      const pairs = fc.property(short, short, (a, b) => {
        judge(asPattern(a), asPattern(b));
      });
      fc.assert(pairs, { ...SEED, numRuns: 300 });
    };

    it("has a URL in common with it exactly when one can be found", () => {
      onPairs((left, right) => {
        // A common text never needs more characters than both patterns have together.
        const common = urls.some((url) => matchesIssuerPattern(left, url) && matchesIssuerPattern(right, url));
        expect([haveCommonUrl(left, right), haveCommonUrl(right, left)]).toEqual([common, common]);
      });
    });

    it("covers it exactly when it matches every URL of it", () => {
      let covered = 0;
      onPairs((left, right) => {
        const all = urls.every((url) => !matchesIssuerPattern(right, url) || matchesIssuerPattern(left, url));
        expect(coversIssuers(left, right.text)).toBe(all);
        if (all) covered++;
      });
      expect(covered).toBeGreaterThan(10);
    });

    it("covers nothing but itself when it spells out all that a star can stand for", () => {
      const all = asPattern("_zyxwvutsrqponmlkjihgfedcba9876543210-*");
      expect([coversIssuers(all, all.text), coversIssuers(all, all.text.replace("*", "a"))]).toEqual([true, false]);
    });
  });

  it.each([
    [AKS_TWO, AKS_ONE, false],
    [AKS_ONE, AKS_ONE_SLASH, false],
    [AKS_REGIONAL, "https://*.oic.prod-aks.azure.com/x*/*y", true],
    ["https://a-*.b.example.com", "https://*-a.b.example.com", true],
    ["https://a*.b.example.com", "https://b*.b.example.com", false],
    ["https://*.b.example.com:443", "https://*.b.example.com", false],
    ["https://*.example.com/a", "https://x.example.com/*", true],
  ])("%s and %s: in common %j", (a, b, expected) => {
    expect(haveCommonUrl(parseIssuerPattern(a), parseIssuerPattern(b))).toBe(expected);
  });
});

describe("a pattern that nobody may be trusted by", () => {
  it.each([
    ["https://issuer.example.com", "a pattern has a star"],
    ["*", "expected https://"],
    ["https://*", "a host of stars alone"],
    ["https://*.*", "a host of stars alone"],
    ["http://*.a.example.com", "expected https://"],
    ["*://a.example.com/*", "expected https://"],
    ["https*://a.example.com", "expected https://"],
    ["https://a.example.com:*", "expected https://"],
    ["https://a.example.com:8*", "expected https://"],
    ["https://*@a.example.com", "expected https://"],
    ["https://a.example.com/*?x", "expected https://"],
    ["https://a.example.com/*#x", "expected https://"],
    ["https://a.example.com/%2a/*", "expected https://"],
    ["https://a.example.com/* ", "expected https://"],
    ["https://a.example.com\\*", "expected https://"],
    ["https://a..example.com/*", "expected https://"],
    ["https://.a.example.com/*", "expected https://"],
    ["https://a.example.com./*", "expected https://"],
    ["https://[::1]/*", "expected https://"],
    ["https://é.example.com/*", "expected https://"],
    [`https://a.example.com/*/${"x".repeat(1024)}`, "expected https://"],
    ["https://a.example.com/**", "two in a row"],
    ["https://*.com", "last two labels"],
    ["https://a.*.com", "last two labels"],
    ["https://a.example.*", "last two labels"],
    ["https://a.ex*mple.com/x", "last two labels"],
    ["https://*.0.0.1", "expected a name"],
    ["https://127.*.0x1", "expected a name"],
  ])("%j is refused: %s", (pattern, says) => {
    expect(() => parseIssuerPattern(pattern)).toThrow(IssuerPatternError);
    expect(() => parseIssuerPattern(pattern)).toThrow(says);
  });

  it("is permitted in the last two labels where that is said", () => {
    expect(matches("https://kubernetes.*.svc", "https://kubernetes.default.svc")).toBe(true);
    expect(() => parseIssuerPattern("https://*", { allowBroadWildcard: true })).toThrow("stars alone");
  });
});
