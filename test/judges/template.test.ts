import { describe, expect } from "@jest/globals";
import fc from "fast-check";
import { parseJson } from "../../src/core/encoding/json-reader.ts";
import type { JsonValue } from "../../src/core/encoding/json-reader.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { scalarClaim } from "../../src/core/identity/scalar-claim.ts";
import { assembleSubjectUri } from "../../src/core/identity/template/assemble-uri.ts";
import { evaluateTemplate, joinPieces } from "../../src/core/identity/template/evaluate-template.ts";
import type { Piece } from "../../src/core/identity/template/evaluate-template.ts";
import { parseTemplate } from "../../src/core/identity/template/parse-template.ts";
import { TemplateError } from "../../src/core/identity/template/template.ts";
import type { Template } from "../../src/core/identity/template/template.ts";
import { goVersion } from "../support/go-tool.ts";
import { itWhen } from "../support/it-when.ts";
import { askGoTemplate } from "./go-template.ts";
import type { TemplateQuestion } from "./go-template.ts";

const [itWithGo, skipped] = itWhen(goVersion() !== undefined, "there is no Go on the PATH");

/** Compiles a program of Go's own packages, which takes seconds where it was never done. */
const BUILD_MS = 120_000;

class Missing extends Error {}

function parsed(source: string): Template | undefined {
  try {
    return parseTemplate(source);
  } catch (error) {
    if (error instanceof TemplateError) return undefined;
    throw error;
  }
}

/** What we make of it; undefined where we refuse. */
function evaluated(question: TemplateQuestion, use: (pieces: readonly Piece[]) => string): string | undefined {
  const template = parsed(question.template);
  if (template === undefined) return undefined;
  const claims = parseJson(Buffer.from(JSON.stringify(question.claims)), { maxDepth: 4, maxMembers: 100 });
  const claim = (name: string): string => {
    const text = scalarClaim(claims as ReadonlyMap<string, JsonValue>, name) ?? question.defaults?.[name];
    if (text === undefined) throw new Missing(name);
    return text;
  };
  try {
    return use(evaluateTemplate(template, { claim, setting: claim }));
  } catch (error) {
    if (error instanceof Missing || error instanceof MayflyError) return undefined;
    throw error;
  }
}

/** Holds what we make of each question to what Go makes of it; gives how many of them we took. */
function compare(questions: readonly TemplateQuestion[]): number {
  const answers = askGoTemplate(questions);
  expect(answers).toHaveLength(questions.length);
  let taken = 0;
  for (const [at, question] of questions.entries()) {
    const { parses, text } = answers[at]!;
    if (parsed(question.template) !== undefined) expect([question.template, parses]).toEqual([question.template, true]);
    const ours = evaluated(question, joinPieces);
    if (ours === undefined) continue;
    taken++;
    expect({ ...question, text: ours }).toEqual({ ...question, text });
  }
  return taken;
}

const CLAIMS = {
  url: "https://claimed.example",
  repository: "octo/repo",
  run_id: "42",
  number: 1753000000,
  fraction: 1.4,
  zero: 0,
  million: 1e6,
  yes: true,
  no: false,
  ref_type: "branch",
  tag_type: "tag",
  ref: "main",
  empty: "",
  html: `<b> & 'x' "y"`,
  template: "{{ .ref }}",
  "with.dot/slash-and space": "cat",
};

const TEMPLATES = [
  "repository",
  "with.dot/slash-and space",
  "nothing",
  "{{.repository}}",
  "{{ .repository }}/actions/runs/{{ .run_id }}",
  "{{ .number }} {{ .fraction }} {{ .zero }} {{ .million }} {{ .yes }} {{ .no }}",
  "{{ .html }}{{ .template }}",
  "[{{ .empty }}]",
  '{{ index . "with.dot/slash-and space" }}',
  '{{(index . "ref")}}',
  'refs/{{if eq .ref_type "branch"}}heads/{{ else }}tags/{{end}}{{ .ref }}',
  'refs/{{if eq .tag_type "branch"}}heads/{{ else }}tags/{{end}}{{ .ref }}',
  '{{if eq (index . "yes") "true"}}ssh{{ else }}""{{end}}',
  '{{if eq .ref "a" "b" "main"}}1{{else if ne .ref "c"}}2{{else}}3{{end}}',
  '{{if ne .ref "main"}}1{{else if eq .ref_type "tag" "branch"}}2{{else}}3{{end}}',
  "{{if .empty}}1{{else if .ref}}2{{end}}",
  "{{if (.empty)}}1{{else}}{{if (eq .ref .ref)}}2{{end}}3{{end}}",
  'a \n{{- .ref -}} \t b {{- `c` -}}{{ "d\\"\\\\" }}',
  "a {{ .ref }} }} b",
  "{{\n.ref\n}}",
  "{{.nothing}}",
  "{{if .nothing}}{{end}}",
  "{{- .ref}} {{.ref -}}",
];

/** Sources that are templates, or nearly so. */
const sources = (): fc.Arbitrary<string> => {
  const names = fc.constantFrom(...Object.keys(CLAIMS), "nothing").filter((name) => /^\w+$/u.test(name));
  const literal = fc.constantFrom('"main"', '"branch"', '"true"', '""', "`42`", '"a b"');
  const operand = fc.oneof(
    names.map((name) => `.${name}`),
    names.map((name) => `(index . "${name}")`),
    literal,
  );
  const condition = fc.oneof(
    operand,
    fc
      .tuple(fc.constantFrom("eq", "ne"), fc.array(operand, { minLength: 1, maxLength: 3 }))
      .map(([word, operands]) => `${word} ${operands.join(" ")}`),
  );
  const open = fc.constantFrom("{{", "{{ ", "{{- ", "{{\n");
  const close = fc.constantFrom("}}", " }}", " -}}", "\n}}");
  const action = (inner: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    fc.tuple(open, inner, close).map((parts) => parts.join(""));
  const text = fc.constantFrom("", " ", "a", "/", "refs/", "}}", "\n", " x ", "{", "<&>", "ü");
  const { template } = fc.letrec<{ template: string; part: string }>((tie) => ({
    part: fc.oneof(
      { depthSize: "small", maxDepth: 3 },
      text,
      action(operand),
      fc
        .tuple(action(condition.map((one) => `if ${one}`)), tie("template"), action(fc.constant("end")))
        .map((parts) => parts.join("")),
      fc
        .tuple(
          action(condition.map((one) => `if ${one}`)),
          ...[tie("template"), action(condition.map((one) => `else if ${one}`)), tie("template")],
          ...[action(fc.constant("else")), tie("template"), action(fc.constant("end"))],
        )
        .map((parts) => parts.join("")),
    ),
    template: fc.array(tie("part"), { maxLength: 4 }).map((parts) => parts.join("")),
  }));
  const damaged = fc
    .tuple(template, fc.nat(), fc.constantFrom("", " ", ".", '"', "(", "}", "|", "end", "$x"))
    .map(([source, at, what]) => {
      const place = source.length === 0 ? 0 : at % source.length;
      return source.slice(0, place) + what + source.slice(place + 1);
    });
  return fc.oneof({ weight: 3, arbitrary: template }, { weight: 1, arbitrary: damaged });
};

describe("Go's text/template", () => {
  itWithGo(
    `makes the same of each template that both take${skipped}`,
    () => {
      const questions = [CLAIMS, { ...CLAIMS, ref: "" }, { ref: "x" }].flatMap((claims) =>
        [{}, { nothing: "default", ref: "default" }].flatMap((defaults) =>
          TEMPLATES.map((template) => ({ template, claims, defaults })),
        ),
      );
      expect(compare(questions)).toBeGreaterThan(80);
    },
    BUILD_MS,
  );

  itWithGo(
    `takes every template that we take, and makes the same of it: 3,000 at random${skipped}`,
    () => {
      const templates = fc.sample(sources(), { numRuns: 3_000, seed: 20261122 });
      const questions = templates.map((template) => ({ template, claims: CLAIMS, defaults: { nothing: "default" } }));
      expect(compare(questions)).toBeGreaterThan(500);
    },
    BUILD_MS,
  );

  itWithGo(
    `and net/url make the same name of each path that we take${skipped}`,
    () => {
      const characters = fc.constantFrom(...Array.from("ab/.@:!$&'()*+,;=~-_%[]^{}|<> \"`ü€😀?#\\2eF"));
      const paths = fc.sample(fc.string({ unit: characters, minLength: 1, maxLength: 12 }), {
        numRuns: 3_000,
        seed: 20261122,
      });
      const template = "https://github.com/{{ .path }}@refs/{{ .path }}";
      const questions = paths.map((path) => ({ template, claims: { path } }));
      const answers = askGoTemplate(questions);
      let taken = 0;
      for (const [at, question] of questions.entries()) {
        const ours = evaluated(question, (pieces) => assembleSubjectUri(pieces, () => false));
        if (ours === undefined) continue;
        taken++;
        expect([question.claims.path, ours]).toEqual([question.claims.path, answers[at]?.uri]);
      }
      expect(taken).toBeGreaterThan(300);
    },
    BUILD_MS,
  );
});
