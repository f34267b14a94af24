import { expect } from "@jest/globals";
import { parseJson } from "../../src/core/encoding/json-reader.ts";
import type { JsonValue } from "../../src/core/encoding/json-reader.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { scalarClaim } from "../../src/core/identity/scalar-claim.ts";
import { evaluateTemplate, joinPieces } from "../../src/core/identity/template/evaluate-template.ts";
import type { Piece } from "../../src/core/identity/template/evaluate-template.ts";
import { parseTemplate } from "../../src/core/identity/template/parse-template.ts";
import { TemplateError } from "../../src/core/identity/template/template.ts";
import type { Template } from "../../src/core/identity/template/template.ts";
import { askGoTemplate } from "./go-template.ts";
import type { TemplateQuestion } from "./go-template.ts";

class Missing extends Error {}

function parsed(source: string): Template | undefined {
  try {
    return parseTemplate(source);
  } catch (error) {
    if (error instanceof TemplateError) return undefined;
    throw error;
  }
}

/** What we make of a question; undefined where we refuse. */
export function evaluated(question: TemplateQuestion, use: (pieces: readonly Piece[]) => string): string | undefined {
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
export function compareWithGo(questions: readonly TemplateQuestion[]): number {
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
