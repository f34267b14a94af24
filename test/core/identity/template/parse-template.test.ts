import { describe, expect, it } from "@jest/globals";
import { parseTemplate } from "../../../../src/core/identity/template/parse-template.ts";
import { evaluateTemplate, joinPieces } from "../../../../src/core/identity/template/evaluate-template.ts";
import { claimsIn, TemplateError } from "../../../../src/core/identity/template/template.ts";

const CLAIMS: Readonly<Record<string, string>> = {
  aud: "sigstore",
  repository: "sigstore/fulcio",
  run_id: "42",
  run_attempt: "1",
  job_workflow_ref: "sigstore/fulcio/.github/workflows/foo.yaml@refs/heads/main",
  ref_type: "branch",
  ref: "main",
  other_type: "tag",
  html: "<alert()/>",
  template: "{{ .ref }}",
  empty: "",
  "with.dot.and/slash": "cat",
};
const SETTINGS: Readonly<Record<string, string>> = { url: "https://github.com" };

class Missing extends Error {}

function valueOf(values: Readonly<Record<string, string>>, name: string): string {
  const value = values[name];
  if (value === undefined) throw new Missing(name);
  return value;
}

const render = (source: string): string =>
  joinPieces(
    evaluateTemplate(parseTemplate(source, new Set(Object.keys(SETTINGS))), {
      claim: (name) => valueOf(CLAIMS, name),
      setting: (name) => valueOf(SETTINGS, name),
    }),
  );

function fault(source: string): string {
  try {
    parseTemplate(source);
  } catch (error) {
    if (error instanceof TemplateError) return error.message;
    throw error;
  }
  throw new Error("a template was parsed");
}

describe("a template gives", () => {
  it.each([
    [
      "[FC216] its texts and values in order",
      "{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}",
      "https://github.com/sigstore/fulcio/actions/runs/42/attempts/1",
    ],
    ["[FC217] characters of HTML as they are", "{{ .html }}", "<alert()/>"],
    ["[FC221] without braces, the claim of its name", "job_workflow_ref", CLAIMS["job_workflow_ref"]],
    ["without braces, the setting of its name", "url", "https://github.com"],
    [
      "[FC223] the way of a condition that holds",
      `refs/{{if eq .ref_type "branch"}}heads/{{ else }}tags/{{end}}{{ .ref }}`,
      "refs/heads/main",
    ],
    [
      "[FC224] the other way where it does not",
      `refs/{{if eq .other_type "branch"}}heads/{{ else }}tags/{{end}}1.0.0`,
      "refs/tags/1.0.0",
    ],
    ["[FC225] claims of any name by index", `{{ .aud }}/{{(index . "with.dot.and/slash")}}`, "sigstore/cat"],
    ["settings by index", '{{ index . "url" }}', "https://github.com"],
    ["[FC230] nothing for a value that is empty", "{{ .empty }}", ""],
    ["[FC231] what is left beside a value that is empty", "{{ .empty }}/123", "/123"],
    ["[G17] values that look like templates as they are", "{{ .template }}", "{{ .ref }}"],
    ["nothing for an if without else whose condition does not hold", `a{{if eq .ref "x"}}b{{end}}c`, "ac"],
    ["the first of several ways that holds", `{{if eq .ref "x"}}1{{else if eq .ref "main"}}2{{else}}3{{end}}`, "2"],
    ["the last way when none holds", `{{if eq .ref "x"}}1{{else if eq .ref "y"}}2{{else}}3{{end}}`, "3"],
    ["a way by any of several texts", `{{if eq .ref "x" "main" "y"}}yes{{end}}`, "yes"],
    ["a way by a text that is another one", `{{if ne .ref "x"}}yes{{else}}no{{end}}`, "yes"],
    ["no way by a text that is the same", `{{if ne .ref "main"}}yes{{else}}no{{end}}`, "no"],
    ["a way by a value that is not empty", "{{if .ref}}yes{{else}}no{{end}}", "yes"],
    ["another way by a value that is", "{{if .empty}}yes{{else}}no{{end}}", "no"],
    ["ways inside of ways", `{{if .ref}}{{if .empty}}1{{else}}2{{end}}{{end}}`, "2"],
    ["conditions in parentheses", `{{if (eq (.ref) ("main"))}}yes{{end}}`, "yes"],
    ["two claims that are compared", "{{if eq .ref .ref}}same{{end}}", "same"],
    ["quoted text", '{{ "a}}b" }}{{ `c"d` }}', 'a}}bc"d'],
    ["quotes and backslashes in quoted text", String.raw`{{ "a\"b\\c" }}`, String.raw`a"b\c`],
    ["braces that close nothing", "a}}b{{ .ref }}}", "a}}bmain}"],
    ["texts without the space that is trimmed", "a \n {{- .ref -}} \t b", "amainb"],
    ["texts with the space that is not", "a {{ .ref }} b", "a main b"],
    ["actions over several lines", "{{\n\t.ref\r\n}}", "main"],
  ])("%s", (_what, source, output) => {
    expect(render(source)).toBe(output);
  });

  it("[FC219] [FC222] no value for a claim that is missing, in whichever place", () => {
    for (const source of [
      "foo",
      "{{ .foo }}",
      '{{ index . "foo" }}',
      "{{if .foo}}{{end}}",
      '{{if eq .foo ""}}{{end}}',
      '{{if eq .ref "main" .foo}}{{end}}',
      '{{if ne "x" .foo}}{{end}}',
    ]) {
      expect(() => render(source)).toThrow(Missing);
    }
  });

  it("no thought to claims of the way that is not taken", () => {
    expect(render(`{{if eq .ref "main"}}a{{else if .foo}}b{{else}}{{ .bar }}{{end}}`)).toBe("a");
  });

  it("the claims that it asks for, in each way and condition, without its settings", () => {
    const source = `{{.url}}{{if eq .a .b}}{{.c}}{{else if ne .d "x"}}{{index . "e/f"}}{{else if .g}}{{else}}{{.h}}{{end}}`;
    const claims = claimsIn(parseTemplate(source, new Set(["url"])));
    expect([...claims].sort()).toEqual(["a", "b", "c", "d", "e/f", "g", "h"]);
  });
});

describe("a template is refused", () => {
  it.each([
    ["[FC218] an empty action", "a{{}}", "column 2: the action is empty"],
    ["[FC220] an empty text", "", "column 1: the template is empty"],
    ["white space", " \n", "column 1: the template is empty"],
    ["[FC142] an action that does not end", "{{.foobar}", 'column 10: "}" is no part of this language'],
    [
      "[FC226] a comparison with the dot",
      '{{if eq . ""}}foo{{end}}',
      'column 9: a dot alone stands only in index . "claim"',
    ],
    ["an action without an end", "ab{{ .ref", "column 3: this action has no }}"],
    ["a dot alone", "{{ . }}", 'column 4: a dot alone stands only in index . "claim"'],
    ["a part of a claim", "{{ .a.b }}", "column 6: a claim has no parts of its own"],
    ["a function", '{{ printf "%s" .a }}', "column 4: printf is no word of this language"],
    ["a function within a condition", "{{ if and .a .b }}{{end}}", "column 7: and is no word of this language"],
    ["a loop", "{{range .a}}{{end}}", "column 3: range is no word of this language"],
    ["with", "{{with .a}}{{end}}", "column 3: with is no word of this language"],
    ["a definition", '{{define "x"}}{{end}}', "column 3: define is no word of this language"],
    ["another template", '{{template "x"}}', "column 3: template is no word of this language"],
    ["a call", "{{call .a}}", "column 3: call is no word of this language"],
    ["a pipeline", "{{ .a | html }}", 'column 7: "|" is no part of this language'],
    ["a variable", "{{ $x := .a }}", 'column 4: "$" is no part of this language'],
    ["a number", "{{if eq .a 1}}{{end}}", 'column 12: "1" is no part of this language'],
    ["a character", "{{if eq .a 'x'}}{{end}}", 'column 12: "\'" is no part of this language'],
    ["true", "{{if true}}{{end}}", "column 6: true is no word of this language"],
    ["a comment", "{{/* x */}}", 'column 3: "/" is no part of this language'],
    ["a name that starts with a digit", "{{ .1a }}", 'column 5: "1" is no part of this language'],
    ["a name beyond ASCII", "{{ .ä }}", 'column 5: "ä" is no part of this language'],
    ["a name with a hyphen", "{{ .a-b }}", 'column 6: "-" is no part of this language'],
    ["an if that does not end", "a{{if .a}}b", "column 2: this if has no end"],
    ["an else that does not end", "{{if .a}}{{else}}", "column 1: this if has no end"],
    ["an end without an if", "a{{end}}", "column 2: this action has no if"],
    ["an else without an if", "{{else}}", "column 1: this action has no if"],
    ["a second else", "{{if .a}}{{else}}b{{else}}{{end}}", "column 19: a second else"],
    ["an else if behind else", "{{if .a}}{{else}}b{{else if .b}}{{end}}", "column 19: a second else"],
    ["else with something else", "{{if .a}}{{else with .b}}{{end}}", "column 17: behind else only if is known"],
    ["end with something", "{{if .a}}{{end if}}", "column 16: nothing can follow end"],
    ["if without a condition", "{{if}}{{end}}", "column 3: a value is missing behind if"],
    ["eq of nothing", "{{if eq}}{{end}}", "column 6: a value is missing behind eq"],
    ["eq of one value", "{{if eq .a}}{{end}}", "column 9: a value is missing behind a"],
    ["ne of three values", '{{if ne .a "b" "c"}}{{end}}', "column 6: ne compares two values"],
    ["eq as a value", '{{ eq .a "b" }}', "column 4: eq cannot stand here"],
    ["index of nothing", "{{ index }}", "column 4: a value is missing behind index"],
    ["index of a claim", '{{ index .a "b" }}', 'column 4: expected index . "claim"'],
    ["index by a claim", "{{ index . .a }}", 'column 4: expected index . "claim"'],
    ["index of an empty name", '{{ index . "" }}', 'column 4: expected index . "claim"'],
    ["index by two names", '{{ index . "a" "b" }}', "column 16: one value too many"],
    ["two values", "{{ .a .b }}", "column 7: one value too many"],
    ["a value and a word", "{{ .a end }}", "column 7: end cannot stand here"],
    ["words without a space between", '{{if eq .a"b"}}{{end}}', "column 11: a space is missing here"],
    ["a parenthesis that does not end", '{{ (index . "a" }}', "column 4: this parenthesis does not end here"],
    ["a parenthesis that ends too early", "{{ .a) }}", "column 6: one value too many"],
    ["a parenthesis around nothing", "{{ () }}", "column 5: a value is missing here"],
    ["two parentheses", "{{ ((.a)) }}", "column 4: two parentheses where one is enough"],
    ["a quotation that does not end", '{{ "a }}', "column 4: this quotation does not end"],
    ["a raw quotation that does not end", "{{ `a }}", "column 4: this quotation does not end"],
    [
      "an escape for a control character",
      String.raw`{{ "a\nb" }}`,
      String.raw`column 4: \n in a quotation: only \" and \\ are known there`,
    ],
    ["nine if in each other", "{{if .a}}".repeat(9) + "{{end}}".repeat(9), "column 73: more than 8 if in each other"],
    ["more than 4,096 characters", "a".repeat(4097), "column 4096: longer than 4,096 characters"],
  ])("for %s", (_what, source, message) => {
    expect(fault(source)).toBe(message);
  });
});
