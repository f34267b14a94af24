import fc from "fast-check";
import { evaluateTemplate, joinPieces } from "../../../src/core/identity/template/evaluate-template.ts";
import { parseTemplate } from "../../../src/core/identity/template/parse-template.ts";
import { bindTemplate, claimsIn, TemplateError } from "../../../src/core/identity/template/template.ts";
import type { Template } from "../../../src/core/identity/template/template.ts";
import { comparison, requireSame } from "../comparison.ts";
import { slowlyEvaluate } from "./slow-template.ts";
import { CLAIMS, templateSources } from "./template-sources.ts";

class Missing extends Error {}

/** Names that are the operator's, with their texts. */
const SETTINGS: ReadonlyMap<string, string> = new Map([
  ["url", "https://set.example"],
  ["empty", ""],
]);

function parsed(source: string): Template | undefined {
  try {
    return parseTemplate(source, new Set(SETTINGS.keys()));
  } catch (error) {
    if (error instanceof TemplateError) return undefined;
    throw error;
  }
}

function unlessMissing(evaluate: () => string): string | undefined {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof Missing) return undefined;
    throw error;
  }
}

/** Any claims under the names that templates ask for, with texts that mean something inside a template. */
const claims = (): fc.Arbitrary<ReadonlyMap<string, string>> =>
  fc
    .subarray(Object.keys(CLAIMS), { minLength: 8 })
    .chain((names) =>
      fc.tuple(
        ...names.map((name) =>
          fc.tuple(fc.constant(name), fc.constantFrom("main", "branch", "true", "42", "", "{{ .ref }}", "}}", '"')),
        ),
      ),
    )
    .map((entries) => new Map(entries));

/** What templates give. */
export const TEMPLATES = comparison({
  name: "templates",
  weight: 1,
  needed: ["evaluated", "a claim is missing", "refused"],
  inputs: fc.tuple(templateSources(), claims()),
  compare: ([source, said]) => {
    const template = parsed(source);
    if (template === undefined) return "refused";
    const asked = new Set<string>();
    const claim = (name: string): string => {
      asked.add(name);
      const text = said.get(name);
      if (text === undefined) throw new Missing(name);
      return text;
    };
    const setting = (name: string): string => SETTINGS.get(name) ?? "";
    const ours = unlessMissing(() => joinPieces(evaluateTemplate(template, { claim, setting })));
    const used = new Set(asked);
    requireSame(
      ours,
      unlessMissing(() => slowlyEvaluate(source, (name) => SETTINGS.get(name) ?? claim(name))),
    );
    requireSame(
      ours,
      unlessMissing(() => joinPieces(evaluateTemplate(bindTemplate(template, SETTINGS), { claim, setting }))),
    );
    // What a template may ask for is known before there is a token.
    requireSame(
      [...used].filter((name) => !claimsIn(template).has(name)),
      [],
    );
    return ours === undefined ? "a claim is missing" : "evaluated";
  },
});
