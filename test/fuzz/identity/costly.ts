import { parseToken } from "../../../src/adapters/oidc/parse-token.ts";
import { parseJson } from "../../../src/core/encoding/json-reader.ts";
import type { JsonObject } from "../../../src/core/encoding/json-reader.ts";
import { MayflyError } from "../../../src/core/errors.ts";
import { judgeClaims } from "../../../src/core/identity/apply-claim-rules.ts";
import { compileClaimRules } from "../../../src/core/identity/claim-rules.ts";
import type { ClaimRule } from "../../../src/core/identity/claim-rules.ts";
import {
  haveCommonUrl,
  matchesIssuerPattern,
  parseIssuerPattern,
  splitIssuerUrl,
} from "../../../src/core/identity/issuer-pattern.ts";
import { isMailbox } from "../../../src/core/identity/mailbox.ts";
import { canonicalNumber } from "../../../src/core/identity/scalar-claim.ts";
import { assembleSubjectUri } from "../../../src/core/identity/template/assemble-uri.ts";
import { evaluateTemplate, joinPieces } from "../../../src/core/identity/template/evaluate-template.ts";
import { parseTemplate } from "../../../src/core/identity/template/parse-template.ts";
import { TemplateError } from "../../../src/core/identity/template/template.ts";
import { isUsername } from "../../../src/core/identity/username.ts";
import { times } from "../reader.ts";

/** Work whose cost must not grow faster than its input. */
export interface Costly {
  readonly name: string;
  /** The greatest input, in whatever it is that grows: characters, rules. */
  readonly limit: number;
  /** The most expensive work of about `size`, each in another way; a refusal is no failure of it. */
  readonly works: (size: number) => readonly (() => unknown)[];
}

/** The work, of which it does not matter whether it ends in a refusal. */
const refusable = (work: () => unknown) => (): void => {
  try {
    work();
  } catch (error) {
    if (!(error instanceof MayflyError || error instanceof TemplateError)) throw error;
  }
};

const BROAD = { allowBroadWildcard: true };
const HOST = "https://*.example.com/";

/** A pattern in whose last segment there is as much as there is room for. */
const patternOf = (size: number, unit: string, end = ""): string =>
  HOST + times(Math.max(2, size - HOST.length - end.length), unit) + end;

const claimsOf = (claims: Readonly<Record<string, unknown>>): JsonObject =>
  parseJson(Buffer.from(JSON.stringify(claims)), { maxDepth: 8, maxMembers: 100_000 }) as JsonObject;

const judge = (rules: readonly ClaimRule[], claims: Readonly<Record<string, unknown>>): (() => unknown) => {
  const [compiled, token] = [compileClaimRules({ allow: rules, deny: [] }), claimsOf(claims)];
  return () => judgeClaims(compiled, token);
};

/** A token's claims against one rule, and one claim against many rules. */
const ruleWorks = (size: number): readonly (() => unknown)[] => {
  const text = (unit: string): string => times(size, unit);
  const many = (glob: string): ClaimRule[] =>
    Array.from({ length: size / 2 }, (_, at) => ({ claims: { x: { glob: `${glob}${String(at)}` } } }));
  return [
    judge([{ claims: { x: { glob: `${"*a".repeat(127)}*b` } } }], { x: text("a") }),
    judge([{ claims: { x: { glob: `*${"a".repeat(200)}b` } } }], { x: text("a") }),
    judge([{ claims: { x: { glob: `${"*/".repeat(100)}**` } } }], { x: text("a/") }),
    judge([{ claims: { x: { prefix: "a/".repeat(100) } } }], { x: text("a/") }),
    judge([{ claims: { x: { glob: "a*" } } }], { x: text("/.") }),
    judge([{ claims: { x: { glob: "b*" } } }], { x: Array.from({ length: size / 2 }, () => "a") }),
    judge(many("*a"), { x: "a".repeat(100) }),
    judge(many("a*/"), { x: "a/a" }),
  ];
};

const templateWorks = (size: number): readonly (() => unknown)[] => {
  const parse = (source: string) => refusable(() => parseTemplate(source));
  const evaluate = (source: string) => {
    const template = parseTemplate(source);
    const value = (): string => "a".repeat(100);
    return () => joinPieces(evaluateTemplate(template, { claim: value, setting: value }));
  };
  const deep = `${"{{if .a}}".repeat(8)}x${"{{end}}".repeat(8)}`;
  return [
    ...["{{.a}}", "{{- .a -}}  ", deep, "{{if .a}}{{else if .a}}{{end}}", "{ {", "{{`"].map((unit) =>
      parse(times(size, unit)),
    ),
    parse(`{{if eq ${times(size - 20, ".a ")}}}{{end}}`),
    parse(`{{"${times(size - 8, "\\\\")}"}}`),
    parse(`{{${" ".repeat(size - 6)}.a`),
    parse(`{{${times(size - 6, "(")}`),
    parse(`${" ".repeat(size - 8)}{{- .a}}`),
    evaluate(times(size, "{{.a}}")),
    evaluate(`{{if eq ${times(size - 20, ".a ")}}}{{end}}`),
    evaluate(times(size, deep)),
  ];
};

/** The most expensive work for each thing that decides who gets a certificate. */
export const COSTLY: readonly Costly[] = [
  {
    name: "a token before it is verified",
    limit: 16_384,
    works: (size) =>
      [
        `{"a":"${times(size * 0.7, "\\u00e4")}"}`,
        `{"a":${times(size * 0.7, "9")}}`,
        `{${Array.from({ length: Math.min(199, size / 16) }, (_, at) => `"${String(at)}":0`).join()},"x":"${" ".repeat(size * 0.5)}"}`,
        `{"${times(size * 0.35, "k")}":0,"${times(size * 0.35, "k")}":0}`,
      ].map((claims) => {
        const token = `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(claims).toString("base64url")}.AA`;
        return refusable(() => parseToken(token));
      }),
  },
  {
    name: "a URL and a pattern of issuers",
    limit: 1024,
    works: (size) =>
      (
        [
          [patternOf(size, "*a", "*"), `https://x.example.com/${times(size - 30, "a")}~`],
          [patternOf(500, "*a", "*b"), `https://x.example.com/${times(size - 30, "a")}`],
          [patternOf(size / 2, "a", "*ab"), `https://x.example.com/${times(size - 30, "a")}`],
          [`https://${"*.".repeat(20)}example.com`, `https://${times(size - 30, "a.")}example.com`],
          [patternOf(size / 2, "*/"), `https://x.example.com/${times(size / 2, "a/")}`],
        ] as const
      ).map(([text, url]) => {
        const pattern = parseIssuerPattern(text, BROAD);
        return () => {
          const split = splitIssuerUrl(url);
          return split !== undefined && matchesIssuerPattern(pattern, split);
        };
      }),
  },
  {
    name: "two patterns of issuers",
    limit: 1024,
    works: (size) =>
      (
        [
          ["*a", "*", "*b", "*"],
          ["*a", "b*", "*a", "c*"],
          ["a", "*", "a", "b*"],
          ["a", "*b", "a", "ab"],
          ["~*", "~", "~*", "~a"],
        ] as const
      ).map(([unit, end, otherUnit, otherEnd]) => {
        const one = parseIssuerPattern(patternOf(size, unit, end), BROAD);
        const other = parseIssuerPattern(patternOf(size, otherUnit, otherEnd), BROAD);
        return () => haveCommonUrl(one, other);
      }),
  },
  { name: "templates", limit: 4096, works: templateWorks },
  {
    name: "a name from claims",
    limit: 1024,
    works: (size) =>
      ["a", "a/", "/ ", "%41", "ü", " ", ".", "[", "😀"].map((unit) => {
        const pieces = [{ text: "https://ci.example.com/" }, { text: times(size, unit), claim: "x" }];
        return refusable(() => assembleSubjectUri(pieces, () => false));
      }),
  },
  { name: "claim rules", limit: 2048, works: ruleWorks },
  {
    name: "names and numbers",
    limit: 16_384,
    works: (size) => [
      ...["0", "9", "0.", "1e"].map((unit) => () => canonicalNumber({ kind: "number", text: times(size, unit) })),
      () => canonicalNumber({ kind: "number", text: `1e${"9".repeat(size)}` }),
      () => canonicalNumber({ kind: "number", text: `0.${"0".repeat(size)}1` }),
      ...["a.", "a@", "a-", "é", "e\u0301", " "].flatMap((unit) => [
        () => isMailbox(`a@${times(size, unit)}`),
        () => isMailbox(times(size, unit)),
        () => isUsername(times(size, unit)),
      ]),
    ],
  },
];
