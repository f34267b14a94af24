import { describe, expect } from "@jest/globals";
import fc from "fast-check";
import { assembleSubjectUri } from "../../src/core/identity/template/assemble-uri.ts";
import { CLAIMS, templateSources } from "../fuzz/identity/template-sources.ts";
import { goVersion } from "../support/go-tool.ts";
import { itWhen } from "../support/it-when.ts";
import { compareWithGo, evaluated } from "./compare-templates.ts";
import { askGoTemplate } from "./go-template.ts";

const [itWithGo, skipped] = itWhen(goVersion() !== undefined, "there is no Go on the PATH");

/** Compiles a program of Go's own packages, which takes seconds where it was never done. */
const BUILD_MS = 120_000;

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

describe("Go's text/template", () => {
  itWithGo(
    `makes the same of each template that both take${skipped}`,
    () => {
      const questions = [CLAIMS, { ...CLAIMS, ref: "" }, { ref: "x" }].flatMap((claims) =>
        [{}, { nothing: "default", ref: "default" }].flatMap((defaults) =>
          TEMPLATES.map((template) => ({ template, claims, defaults })),
        ),
      );
      expect(compareWithGo(questions)).toBeGreaterThan(80);
    },
    BUILD_MS,
  );

  itWithGo(
    `takes every template that we take, and makes the same of it: 3,000 at random${skipped}`,
    () => {
      const templates = fc.sample(templateSources(), { numRuns: 3_000, seed: 20261122 });
      const questions = templates.map((template) => ({ template, claims: CLAIMS, defaults: { nothing: "default" } }));
      expect(compareWithGo(questions)).toBeGreaterThan(500);
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
