/** Where a text in a condition or in the output comes from. */
export type Operand =
  /** Text of the template itself. */
  | { readonly kind: "text"; readonly text: string }
  /** The operator's value for a name. */
  | { readonly kind: "setting"; readonly name: string }
  /** A claim of the token. */
  | { readonly kind: "claim"; readonly name: string };

/** What an `if` asks. */
export type Condition =
  /** Whether a text is one of others: `eq`. */
  | { readonly kind: "equal"; readonly left: Operand; readonly right: readonly Operand[] }
  /** Whether it is another one: `ne`. */
  | { readonly kind: "different"; readonly left: Operand; readonly right: Operand }
  /** Whether it is not empty. */
  | { readonly kind: "present"; readonly operand: Operand };

/** One way through an `if`: the first whose condition holds is taken. */
export interface Branch {
  readonly condition: Condition;
  readonly then: Template;
}

/** A piece of a template: text, a value, or a choice between templates. */
export type TemplatePart =
  Operand | { readonly kind: "choice"; readonly branches: readonly Branch[]; readonly otherwise: Template };

/** A template as parsed: its parts in order. Plain data, so that it can be compared and hashed. */
export type Template = readonly TemplatePart[];

/** A text that is no template of this language; `column` counts its characters from 1. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  readonly column: number;

  constructor(column: number, what: string) {
    super(`column ${String(column)}: ${what}`);
    this.column = column;
  }
}

/** Every claim that a template may ask for, in whichever branch. */
export function claimsIn(template: Template): ReadonlySet<string> {
  return new Set(template.flatMap(claimsInPart));
}

function claimsInPart(part: TemplatePart): readonly string[] {
  if (part.kind === "claim") return [part.name];
  if (part.kind !== "choice") return [];
  return [
    ...part.branches.flatMap(({ condition, then }) => [...operandsOf(condition), ...then].flatMap(claimsInPart)),
    ...part.otherwise.flatMap(claimsInPart),
  ];
}

function operandsOf(condition: Condition): readonly Operand[] {
  switch (condition.kind) {
    case "equal":
      return [condition.left, ...condition.right];
    case "different":
      return [condition.left, condition.right];
    case "present":
      return [condition.operand];
  }
}

/**
 * The same template with texts in the place of settings, neighbouring texts joined.
 *
 * @param texts the settings whose texts are known; others stay
 */
export function bindTemplate(template: Template, texts: ReadonlyMap<string, string>): Template {
  const operand = (one: Operand): Operand => {
    const text = one.kind === "setting" ? texts.get(one.name) : undefined;
    return text === undefined ? one : { kind: "text", text };
  };
  const bound: TemplatePart[] = [];
  for (const part of template) {
    const next = part.kind === "choice" ? bindChoice(part, texts, operand) : operand(part);
    const last = bound.at(-1);
    if (next.kind === "text" && last?.kind === "text")
      bound[bound.length - 1] = { ...last, text: last.text + next.text };
    else bound.push(next);
  }
  return bound;
}

function bindChoice(
  choice: Extract<TemplatePart, { kind: "choice" }>,
  texts: ReadonlyMap<string, string>,
  operand: (one: Operand) => Operand,
): TemplatePart {
  return {
    kind: "choice",
    branches: choice.branches.map(({ condition, then }) => ({
      condition: bindCondition(condition, operand),
      then: bindTemplate(then, texts),
    })),
    otherwise: bindTemplate(choice.otherwise, texts),
  };
}

function bindCondition(condition: Condition, operand: (one: Operand) => Operand): Condition {
  switch (condition.kind) {
    case "equal":
      return { kind: "equal", left: operand(condition.left), right: condition.right.map(operand) };
    case "different":
      return { kind: "different", left: operand(condition.left), right: operand(condition.right) };
    case "present":
      return { kind: "present", operand: operand(condition.operand) };
  }
}
