import fc from "fast-check";
import { parseJson } from "../../../src/core/encoding/json-reader.ts";
import type { JsonObject } from "../../../src/core/encoding/json-reader.ts";
import { judgeClaims } from "../../../src/core/identity/apply-claim-rules.ts";
import { textMatcherFault } from "../../../src/core/identity/claim-matcher.ts";
import type { ClaimMatcher } from "../../../src/core/identity/claim-matcher.ts";
import { compileClaimRules } from "../../../src/core/identity/claim-rules.ts";
import type { ClaimRule, ClaimRulesInput } from "../../../src/core/identity/claim-rules.ts";
import { comparison, requireSame } from "../comparison.ts";
import { slowlyJudge } from "./slow-rules.ts";

const NAMES = ["x", "y", "/z/x", "/z/a~1b", "/z/~0", "z"];

const word = (maxLength: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 14, arbitrary: fc.string({ unit: fc.constantFrom("a", "b", "/", "."), maxLength }) },
    { weight: 8, arbitrary: fc.constantFrom("a/b", "a/a", "a/", "a", "a/b/a") },
    {
      weight: 1,
      arbitrary: fc.constantFrom("true", "1", "1.0", "a\nb", "é/ü", "😀/a", "a".repeat(2049), `a/${"b".repeat(2047)}`),
    },
  );

const globs = (): fc.Arbitrary<{ readonly glob: string }> =>
  fc
    .tuple(fc.string({ unit: fc.constantFrom("a", "b", "/", ".", "*", "*"), minLength: 1, maxLength: 8 }), fc.boolean())
    .map(([text, isOpen]) => ({ glob: isOpen ? `${text}/**` : text }))
    .filter((one) => textMatcherFault(one) === undefined);

const matchers = (): fc.Arbitrary<ClaimMatcher> => {
  const text = fc.oneof(
    word(6),
    globs(),
    word(4).map((beginning) => ({ prefix: `${beginning}/` })),
  );
  return fc.oneof(
    { weight: 5, arbitrary: text },
    { weight: 3, arbitrary: fc.array(text, { minLength: 1, maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constant({ absent: true } as const) },
  );
};

const rules = (): fc.Arbitrary<ClaimRulesInput> => {
  const rule: fc.Arbitrary<ClaimRule> = fc
    .tuple(
      fc.dictionary(fc.constantFrom(...NAMES), matchers(), { minKeys: 1, maxKeys: 3 }),
      fc.constantFrom(undefined, undefined, "named"),
    )
    .map(([claims, name]) => (name === undefined ? { claims } : { name, claims }));
  const list = fc.array(rule, { maxLength: 6 });
  return fc.record({ allow: fc.oneof(fc.constant("any" as const), list, list), deny: list });
};

/** Tokens' claims as JSON: of all types, inside of lists and objects. */
const claims = (): fc.Arbitrary<string> => {
  const scalar = fc.oneof(
    { weight: 3, arbitrary: word(6).map((text) => JSON.stringify(text)) },
    { weight: 1, arbitrary: fc.constantFrom("true", "false", "null", "1", "1.0", "1e0") },
  );
  const object = (member: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    fc.dictionary(fc.constantFrom("x", "y", "z", "a/b", "~", "other"), member).map(
      (members) =>
        `{${Object.entries(members)
          .map(([name, text]) => `${JSON.stringify(name)}:${text}`)
          .join()}}`,
    );
  const list = fc.array(fc.oneof(scalar, scalar, fc.constantFrom("[]", "{}")), { maxLength: 3 });
  return object(
    fc.oneof(
      { weight: 6, arbitrary: scalar },
      { weight: 1, arbitrary: list.map((elements) => `[${elements.join()}]`) },
      { weight: 2, arbitrary: object(scalar) },
    ),
  );
};

const read = (json: string): JsonObject =>
  parseJson(Buffer.from(json), { maxDepth: 8, maxMembers: 2000 }) as JsonObject;

const JUDGED = comparison({
  name: "claim rules",
  weight: 1,
  needed: ["true any", "true allow", "true named", "false deny", "false named", "false nothing"],
  inputs: fc.tuple(rules(), claims()),
  compare: ([written, json]) => {
    const token = read(json);
    const expected = slowlyJudge(written, token);
    requireSame(judgeClaims(compileClaimRules(written), token), expected);
    return `${String(expected.permitted)} ${expected.rule?.replace(/\[.*/u, "") ?? "nothing"}`;
  },
});

/** A glob, and a text that is often near it. */
const textAndGlob = (): fc.Arbitrary<readonly [string, string]> =>
  globs().chain(({ glob }) =>
    fc.oneof(
      fc.tuple(fc.constant(glob), word(10)),
      fc
        .array(fc.string({ unit: fc.constantFrom("a", "b", "a", "b", ".", "/"), maxLength: 3 }), {
          minLength: 4,
          maxLength: 4,
        })
        .map((fillings) => {
          let next = 0;
          return [glob, glob.replaceAll(/\*+/gu, () => fillings[next++ % 4] ?? "")] as const;
        }),
    ),
  );

const GLOBS = comparison({
  name: "globs",
  weight: 1,
  needed: ["matched", "not matched", "unclear"],
  inputs: textAndGlob(),
  compare: ([glob, text]) => {
    const token = new Map([["x", text]]);
    const [isAllowed, isDenied] = [
      { allow: [{ claims: { x: { glob } } }], deny: [] },
      { allow: "any" as const, deny: [{ claims: { x: { glob } } }] },
    ].map((written) => {
      const judged = judgeClaims(compileClaimRules(written), token).permitted;
      requireSame(judged, slowlyJudge(written, token).permitted);
      return judged;
    });
    if (isAllowed === isDenied) return "unclear";
    return isAllowed ? "matched" : "not matched";
  },
});

/** Everything about claim rules. */
export const RULES = [JUDGED, GLOBS];
