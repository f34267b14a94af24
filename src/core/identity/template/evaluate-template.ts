import type { Condition, Operand, Template } from "./template.ts";

/** A piece of a template's output: the operator's own text, or a claim's value. */
export interface Piece {
  readonly text: string;
  /** The claim whose value it is; undefined for the operator's text. */
  readonly claim?: string;
}

/** What names stand for; both throw what is to be said about a value that cannot be had. */
export interface TemplateValues {
  readonly claim: (name: string) => string;
  readonly setting: (name: string) => string;
}

/**
 * The output of a template, piece by piece, so that what the operator wrote can be told from what a token says. Values are
 * inserted as they are and never evaluated again. Claims are looked up when they are needed: those of a branch that is not
 * taken are not.
 *
 * @throws whatever `values` throws
 */
export function evaluateTemplate(template: Template, values: TemplateValues): readonly Piece[] {
  const pieces: Piece[] = [];
  collect(template, values, pieces);
  return pieces;
}

/** The text that pieces make together. */
export function joinPieces(pieces: readonly Piece[]): string {
  let text = "";
  for (const piece of pieces) text += piece.text;
  return text;
}

function collect(template: Template, values: TemplateValues, into: Piece[]): void {
  for (const part of template) {
    switch (part.kind) {
      case "text":
        into.push(part);
        break;
      case "setting":
        into.push({ text: values.setting(part.name) });
        break;
      case "claim":
        into.push({ text: values.claim(part.name), claim: part.name });
        break;
      case "choice": {
        const taken = part.branches.find(({ condition }) => holds(condition, values));
        collect(taken?.then ?? part.otherwise, values, into);
      }
    }
  }
}

function holds(condition: Condition, values: TemplateValues): boolean {
  switch (condition.kind) {
    case "present":
      return valueOf(condition.operand, values) !== "";
    case "different":
      return valueOf(condition.left, values) !== valueOf(condition.right, values);
    case "equal": {
      const left = valueOf(condition.left, values);
      // Each is looked up, also behind one that is equal: a claim that is missing is missed whatever the others say.
      return condition.right.map((operand) => valueOf(operand, values)).includes(left);
    }
  }
}

function valueOf(operand: Operand, values: TemplateValues): string {
  return operand.kind === "text" ? operand.text : values[operand.kind](operand.name);
}
