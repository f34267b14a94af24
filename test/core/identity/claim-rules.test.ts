import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { parseJson } from "../../../src/core/encoding/json-reader.ts";
import type { JsonObject, JsonValue } from "../../../src/core/encoding/json-reader.ts";
import type { MayflyError } from "../../../src/core/errors.ts";
import { applyClaimRules, judgeClaims } from "../../../src/core/identity/apply-claim-rules.ts";
import { textMatcherFault } from "../../../src/core/identity/claim-matcher.ts";
import type { ClaimMatcher, TextMatcher } from "../../../src/core/identity/claim-matcher.ts";
import { compileClaimRules, NO_CLAIM_RULES } from "../../../src/core/identity/claim-rules.ts";
import type { ClaimRule, ClaimRulesInput } from "../../../src/core/identity/claim-rules.ts";
import { slowlyJudge } from "../../fuzz/identity/slow-rules.ts";
import { EMAIL_TOKEN } from "../../support/issuance.ts";

const SEED = { seed: 20261122 };

/** Claims as the reader of tokens gives them. */
function claimsOf(claims: Readonly<Record<string, unknown>> | string): JsonObject {
  const text = typeof claims === "string" ? claims : JSON.stringify(claims);
  return parseJson(Buffer.from(text), { maxDepth: 8, maxMembers: 1000 }) as JsonObject;
}

const allows = (claims: ClaimRule["claims"], token: Parameters<typeof claimsOf>[0]): boolean =>
  judgeClaims(compileClaimRules({ allow: [{ claims }], deny: [] }), claimsOf(token)).permitted;
const denies = (claims: ClaimRule["claims"], token: Parameters<typeof claimsOf>[0]): boolean =>
  !judgeClaims(compileClaimRules({ allow: "any", deny: [{ claims }] }), claimsOf(token)).permitted;

describe("what a rule says of a claim", () => {
  it.each<[ClaimMatcher, unknown, boolean]>([
    ["org/repo", "org/repo", true],
    ["org/repo", "org/Repo", false],
    ["org/repo", "org/repo ", false],
    ["org/repo", "org/repo2", false],
    ["", "", true],
    [["org/a", "org/b"], "org/b", true],
    [["org/a", "org/b"], "org/c", false],
    [["org/a", { prefix: "other/" }], "other/x", true],
    ["true", true, true],
    ["true", false, false],
    ["1", 1, true],
    ["1", 10, false],
    ["a", ["b", "a"], true],
    ["a", ["b", "c"], false],
    ["a", [], false],
    ["a", null, false],
    ["null", null, false],
    ["a", [null], false],
    [{ glob: "org/*" }, "org/repo", true],
    [{ glob: "org/*" }, "org/", false],
    [{ glob: "org/*" }, "org", false],
    [{ glob: "org/*" }, "org/a/b", false],
    [{ glob: "org/*" }, "organization/a", false],
    [{ glob: "org/*/x" }, "org/a/x", true],
    [{ glob: "org/*/x" }, "org/a/b/x", false],
    [{ glob: "org/**" }, "org/a", true],
    [{ glob: "org/**" }, "org/a/b/c", true],
    [{ glob: "org/**" }, "org", false],
    [{ glob: "org/**" }, "org/", false],
    [{ glob: "org/*/**" }, "org/a", false],
    [{ glob: "org/*/**" }, "org/a/b/c", true],
    [{ glob: "refs/heads/release-*" }, "refs/heads/release-1.2", true],
    [{ glob: "refs/heads/release-*" }, "refs/heads/release-", false],
    [{ glob: "refs/heads/release-*" }, "refs/heads/release-1/x", false],
    [{ glob: "*@example.com" }, "alice@example.com", true],
    [{ glob: "*@example.com" }, "alice@example.com.evil.test", false],
    [{ glob: "*@example.com" }, "@example.com", false],
    [{ glob: "org/*" }, "org/..", false],
    [{ glob: "org/**" }, "org/a/../../other/b", false],
    [{ glob: "o.*" }, "oxa", false],
    [{ prefix: "org/" }, "org/a/b", true],
    [{ prefix: "org/" }, "org/", false],
    [{ prefix: "org/" }, "organization/a", false],
    [{ prefix: "org/" }, "org/../other", false],
    [{ prefix: "org/" }, "org/./a", false],
    [{ prefix: "https://gitlab.com/org/" }, "https://gitlab.com/org/x", true],
    [{ glob: "a*" }, `a${"b".repeat(2048)}`, false],
  ])("%j and the claim %j: %j", (matcher, value, expected) => {
    expect(allows({ claim: matcher }, { claim: value })).toBe(expected);
  });

  it("compares numbers as they are written, beyond what a double can hold", () => {
    expect(allows({ id: "12345678901234567891" }, '{"id":12345678901234567891}')).toBe(true);
    expect(allows({ id: "12345678901234567890" }, '{"id":12345678901234567891}')).toBe(false);
    expect(allows({ id: "1" }, '{"id":1.0}')).toBe(false);
  });

  it("finds a claim by its name, dots and slashes included, and a member of one by JSON Pointer", () => {
    const token = {
      "kubernetes.io": { namespace: "prod", "a/b~c": "x" },
      "a.example/p": "y",
      deep: { list: [{ x: 1 }] },
    };
    expect(allows({ "/kubernetes.io/namespace": "prod" }, token)).toBe(true);
    expect(allows({ "kubernetes.io.namespace": "prod" }, token)).toBe(false);
    expect(allows({ "/kubernetes.io/a~1b~0c": "x" }, token)).toBe(true);
    expect(allows({ "a.example/p": "y" }, token)).toBe(true);
    expect(allows({ "/a.example~1p": "y" }, token)).toBe(true);
    expect(allows({ "/deep/list/0/x": "1" }, token)).toBe(false);
    expect(allows({ "/kubernetes.io/none": "prod" }, token)).toBe(false);
    expect(allows({ "": "prod" }, token)).toBe(false);
  });

  it.each(["constructor", "__proto__", "toString", "/constructor/name", "/kubernetes.io/size"])(
    "finds nothing under %s that is not in the token",
    (name) => {
      expect(allows({ [name]: { glob: "*" } }, { "kubernetes.io": {} })).toBe(false);
    },
  );

  it("knows whether a claim is there", () => {
    expect(allows({ environment: { absent: true } }, {})).toBe(true);
    expect(allows({ environment: { absent: true } }, { environment: null })).toBe(true);
    expect(allows({ environment: { absent: true } }, { environment: "" })).toBe(false);
    expect(denies({ environment: { absent: true } }, {})).toBe(true);
    expect(denies({ environment: { absent: true } }, { environment: "x" })).toBe(false);
  });

  it.each<[string, unknown]>([
    ["an object", { a: 1 }],
    ["a list that holds an object", ["b", { a: 1 }]],
    ["a list that holds a list", [["a"]]],
  ])("neither allows nor lets through %s where a text is expected", (_what, value) => {
    expect(allows({ claim: "a" }, { claim: value })).toBe(false);
    expect(denies({ claim: "a" }, { claim: value })).toBe(true);
    expect(allows({ claim: { glob: "*" } }, { claim: [{ a: 1 }] })).toBe(false);
  });

  it.each<[string, unknown]>([
    ["a text", "prod"],
    ["a number", 1],
    ["a list", [{ namespace: "dev" }]],
    ["an empty list", []],
  ])("neither allows nor lets through %s where an object with the member is expected", (_what, value) => {
    const token = { "kubernetes.io": value };
    for (const matcher of ["dev", { glob: "*" }, ["dev", "test"], { absent: true }] as const) {
      expect(allows({ "/kubernetes.io/namespace": matcher }, token)).toBe(false);
      expect(denies({ "/kubernetes.io/namespace": matcher }, token)).toBe(true);
      expect(denies({ "/kubernetes.io/pod/name": matcher }, { "kubernetes.io": { pod: value } })).toBe(true);
    }
    expect(denies({ "/kubernetes.io/namespace": "dev" }, { "kubernetes.io": null })).toBe(false);
    expect(allows({ "/kubernetes.io/namespace": { absent: true } }, { "kubernetes.io": null })).toBe(true);
    expect(allows({ "/kubernetes.io/pod/name": { absent: true } }, { "kubernetes.io": {} })).toBe(true);
  });

  it("does not let through a deny rule by dot segments or length", () => {
    expect(denies({ repository: { prefix: "org/" } }, { repository: "other/../org/x" })).toBe(true);
    expect(denies({ repository: { glob: "org/*" } }, { repository: "./org/x" })).toBe(true);
    expect(denies({ repository: { prefix: "org/" } }, { repository: "x".repeat(2049) })).toBe(true);
  });

  it("does not deny by a claim that is missing", () => {
    expect(denies({ claim: "a" }, {})).toBe(false);
    expect(denies({ claim: "a" }, { claim: null })).toBe(false);
  });

  it.each<[TextMatcher, string]>([
    [{ glob: "org/repo" }, "a glob has a star"],
    [{ glob: "org/**/x" }, "** stands at the end"],
    [{ glob: "**" }, "** stands at the end"],
    [{ glob: "org**" }, "** stands at the end"],
    [{ glob: "org/***" }, "** stands at the end"],
    [{ prefix: "org" }, "a prefix ends in a slash"],
    [{ prefix: "" }, "a prefix ends in a slash"],
  ])("has to be clear: %j is %s", (matcher, says) => {
    expect(textMatcherFault(matcher)).toContain(says);
    expect(() => compileClaimRules({ allow: [{ claims: { x: matcher } }], deny: [] })).toThrow(RangeError);
  });

  it("has to be there: a rule without claims would hold for everybody", () => {
    expect(() => compileClaimRules({ allow: [{ claims: {} }], deny: [] })).toThrow(RangeError);
  });
});

describe("the rules of an issuer", () => {
  const input: ClaimRulesInput = {
    allow: [
      { name: "release", claims: { repository: "org/app", ref: { glob: "refs/tags/*" } } },
      { claims: { repository: { prefix: "org/" }, environment: ["staging", "production"] } },
    ],
    deny: [{ name: "no-forks", claims: { event: "pull_request" } }, { claims: { runner: "self-hosted" } }],
  };
  const judge = (claims: Record<string, unknown>) => judgeClaims(compileClaimRules(input), claimsOf(claims));

  it("name the first that allows, by its name or its place", () => {
    const app = { repository: "org/app", ref: "refs/tags/v1" };
    expect(judge(app)).toEqual({ permitted: true, rule: "release" });
    expect(judge({ ...app, environment: "production" })).toEqual({ permitted: true, rule: "release" });
    expect(judge({ repository: "org/x", environment: "staging" })).toEqual({ permitted: true, rule: "allow[1]" });
  });

  it("take nothing that none allows", () => {
    expect(judge({})).toEqual({ permitted: false });
    expect(judge({ repository: "org/app", ref: "refs/heads/main" })).toEqual({ permitted: false });
    expect(judge({ repository: "other/app", environment: "staging" })).toEqual({ permitted: false });
  });

  it("deny whatever else allows", () => {
    const app = { repository: "org/app", ref: "refs/tags/v1" };
    expect(judge({ ...app, event: "pull_request" })).toEqual({ permitted: false, rule: "no-forks" });
    expect(judge({ ...app, runner: "self-hosted" })).toEqual({ permitted: false, rule: "deny[1]" });
  });

  it("refuse with a reason of their own, which names the rule and no claim", () => {
    const refusal = (claims: Record<string, unknown>): MayflyError => {
      const issuer = { ...EMAIL_TOKEN.issuer, rules: compileClaimRules(input) };
      try {
        applyClaimRules({ ...EMAIL_TOKEN, issuer, claims: claimsOf(claims) });
      } catch (error) {
        return error as MayflyError;
      }
      throw new Error("permitted");
    };
    expect(refusal({ repository: "secret/x" })).toMatchObject({ code: "policy_denied", reason: "CLAIM_RULE_NO_MATCH" });
    const denied = refusal({ event: "pull_request" });
    expect(denied).toMatchObject({ code: "policy_denied", reason: "CLAIM_RULE_DENIED" });
    expect(denied.message).toContain("no-forks");
    expect(denied.message).not.toContain("pull_request");
  });

  it("change nothing of a token that they permit", () => {
    const rules = compileClaimRules({ allow: "any", deny: [] });
    const token = { ...EMAIL_TOKEN, issuer: { ...EMAIL_TOKEN.issuer, rules } };
    expect(applyClaimRules(token)).toEqual({ ...token, rule: "any" });
    expect(applyClaimRules(EMAIL_TOKEN).rule).toBe("any");
    expect(NO_CLAIM_RULES.deny(claimsOf({}))).toBeUndefined();
  });
});

describe("compiled rules", () => {
  // Short texts of few letters, or rules and claims would seldom meet.
  const letter = fc.constantFrom("a", "a", "/", "/", "*", "b", ".");
  const word = fc.string({ unit: fc.constantFrom("a", "a", "/", "b", "."), maxLength: 5 });
  const glob = fc
    .tuple(fc.string({ unit: letter, minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([text, open]) => ({ glob: open ? `${text}/**` : text }))
    .filter((one) => textMatcherFault(one) === undefined && !/\*\*(?!$)/u.test(one.glob));
  const prefix = word.map((text) => ({ prefix: `${text}/` }));
  const text = fc.oneof(word, fc.constantFrom("true", "1"), glob, prefix);
  const matcher: fc.Arbitrary<ClaimMatcher> = fc.oneof(
    { weight: 5, arbitrary: text },
    { weight: 3, arbitrary: fc.array(text, { minLength: 1, maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constant({ absent: true } as const) },
  );
  const rule: fc.Arbitrary<ClaimRule> = fc.record({
    claims: fc.dictionary(fc.constantFrom("x", "y", "/z/x"), matcher, { minKeys: 1, maxKeys: 2 }),
  });
  const rules = fc.array(rule, { maxLength: 6 });
  const input: fc.Arbitrary<ClaimRulesInput> = fc.record({
    allow: fc.oneof(fc.constant("any" as const), rules),
    deny: rules,
  });
  const scalar = fc.oneof(word, fc.boolean(), fc.constantFrom(1, 2.5, null));
  const value = fc.oneof(
    { weight: 6, arbitrary: scalar },
    { weight: 1, arbitrary: fc.array(fc.oneof(scalar, fc.constant({ x: "a" })), { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.dictionary(fc.constantFrom("x", "y"), scalar) },
  );
  const claims = fc.dictionary(fc.constantFrom("x", "y", "z", "other"), value);

  it("judge every token as their plain meaning does, and name the same rule", () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(input, claims, (rulesOfIssuer, claimsOfToken) => {
        const parsed = claimsOf(claimsOfToken);
        const expected = slowlyJudge(rulesOfIssuer, parsed);
        expect(judgeClaims(compileClaimRules(rulesOfIssuer), parsed)).toEqual(expected);
        const kind = `${String(expected.permitted)} ${String(expected.rule?.replace(/\[.*/u, ""))}`;
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
      }),
      { ...SEED, numRuns: 6000 },
    );
    // Every way to end was gone often enough for the comparison to mean something.
    expect(
      [...seen]
        .filter(([, count]) => count >= 100)
        .map(([kind]) => kind)
        .sort(),
    ).toEqual(["false deny", "false undefined", "true allow", "true any"]);
  });

  it.each<[string, (name: string) => ClaimMatcher]>([
    ["text", (name) => `${name}/repo`],
    ["prefix", (name) => ({ prefix: `${name}/` })],
    ["first segment", (name) => ({ glob: `${name}/r*` })],
    ["texts and prefixes", (name) => [`${name}/repo`, `${name}-too/repo`, { prefix: `${name}-three/` }]],
  ])("look up, among a thousand, only those that name the token's %s", (_, repository) => {
    let asked = 0;
    const named = (name: string): ClaimRule => ({
      name,
      // All of them share the text of the first claim, so that it is the second by which they are told apart.
      claims: { ref: "refs/heads/main", repository: repository(name) },
    });
    const compiled = compileClaimRules({ allow: Array.from({ length: 1000 }, (__, at) => named(`r${at}`)), deny: [] });
    const token = new Map<string, JsonValue>([
      ["repository", "r700/repo"],
      ["ref", "refs/heads/main"],
    ]);
    const get = token.get.bind(token);
    token.get = (name) => {
      asked++;
      return get(name);
    };
    expect(judgeClaims(compiled, token)).toEqual({ permitted: true, rule: "r700" });
    expect(asked).toBeLessThan(5);
  });
});
