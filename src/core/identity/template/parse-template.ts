import { scanTemplate } from "./scan-template.ts";
import type { Lexeme, Word } from "./scan-template.ts";
import { TemplateError } from "./template.ts";
import type { Branch, Condition, Operand, Template, TemplatePart } from "./template.ts";

const MAX_CHARACTERS = 4096;
const MAX_DEPTH = 8;

/**
 * Parses a template: a strict subset of Go's text/template as Fulcio's issuer file uses it. Text is text; `{{ .claim }}` and
 * `{{ index . "claim" }}` are a claim's value; `{{ if CONDITION }} … {{ else if CONDITION }} … {{ else }} … {{ end }}` chooses,
 * by `eq A B …`, `ne A B`, or by whether a value is not empty. A template without `{{` is the name of a claim. There are no
 * loops, variables, pipelines or functions, so evaluation always ends and never takes longer than its output.
 *
 * @param settings names that are the operator's and not a claim's
 * @throws TemplateError at the column of what is wrong, naming a word that the language does not have
 */
export function parseTemplate(source: string, settings: ReadonlySet<string> = new Set()): Template {
  if (source.length > MAX_CHARACTERS) throw new TemplateError(MAX_CHARACTERS, "longer than 4,096 characters");
  if (source.trim() === "") throw new TemplateError(1, "the template is empty");
  if (!source.includes("{{")) return [named(source, settings)];
  return new Parser(scanTemplate(source), settings).template();
}

function named(name: string, settings: ReadonlySet<string>): Operand {
  return { kind: settings.has(name) ? "setting" : "claim", name };
}

/** What one action says. */
type Action =
  | { readonly kind: "value"; readonly operand: Operand }
  | { readonly kind: "if" | "else-if"; readonly condition: Condition }
  | { readonly kind: "else" | "end" };

/** A cursor over the texts and actions of one template. */
class Parser {
  readonly #lexemes: readonly Lexeme[];
  readonly #settings: ReadonlySet<string>;
  #at = 0;

  constructor(lexemes: readonly Lexeme[], settings: ReadonlySet<string>) {
    this.#lexemes = lexemes;
    this.#settings = settings;
  }

  template(): Template {
    const parts = this.#parts(0);
    const left = this.#lexemes[this.#at];
    if (left?.kind === "action") throw new TemplateError(left.column, "this action has no if");
    return parts;
  }

  /** Parts up to an `else` or `end`, on which the cursor then stands, or up to the end. */
  #parts(depth: number): Template {
    const parts: TemplatePart[] = [];
    for (let lexeme = this.#lexemes[this.#at]; lexeme !== undefined; lexeme = this.#lexemes[this.#at]) {
      const action = lexeme.kind === "text" ? { kind: "value" as const, operand: lexeme } : this.#action(lexeme);
      if (action.kind === "value") {
        parts.push(action.operand);
        this.#at++;
      } else if (action.kind === "if") {
        parts.push(this.#choice(action.condition, depth + 1));
      } else {
        break;
      }
    }
    return parts;
  }

  /** From the cursor's `if` to behind its `end`. */
  #choice(first: Condition, depth: number): TemplatePart {
    const opening = this.#column();
    if (depth > MAX_DEPTH) throw new TemplateError(opening, `more than ${String(MAX_DEPTH)} if in each other`);
    const branches: Branch[] = [];
    let condition: Condition | undefined = first;
    let otherwise: Template = [];
    for (;;) {
      this.#at++;
      const then = this.#parts(depth);
      if (condition === undefined) otherwise = then;
      else branches.push({ condition, then });
      const next = this.#separator(opening);
      if (next.kind === "end") break;
      if (condition === undefined) throw new TemplateError(this.#column(), "a second else");
      condition = next.kind === "else-if" ? next.condition : undefined;
    }
    this.#at++;
    return { kind: "choice", branches, otherwise };
  }

  /** The `else` or `end` under the cursor. */
  #separator(opening: number): Exclude<Action, { kind: "value" | "if" }> {
    const lexeme = this.#lexemes[this.#at];
    const action = lexeme?.kind === "action" ? this.#action(lexeme) : undefined;
    if (action === undefined || action.kind === "value" || action.kind === "if") {
      throw new TemplateError(opening, "this if has no end");
    }
    return action;
  }

  #action({ words, column }: Extract<Lexeme, { kind: "action" }>): Action {
    const [first, second] = words;
    if (first === undefined) throw new TemplateError(column, "the action is empty");
    const behind = (start: number): Reader => new Reader(words, start, this.#settings);
    switch (first.kind === "word" ? first.text : "") {
      case "if":
        return { kind: "if", condition: behind(1).condition() };
      case "else":
        if (second === undefined) return { kind: "else" };
        if (second.text !== "if") throw new TemplateError(second.column, "behind else only if is known");
        return { kind: "else-if", condition: behind(2).condition() };
      case "end":
        if (second !== undefined) throw new TemplateError(second.column, "nothing can follow end");
        return { kind: "end" };
      default:
        return { kind: "value", operand: behind(0).value() };
    }
  }

  #column(): number {
    const lexeme = this.#lexemes[this.#at];
    return lexeme?.kind === "action" ? lexeme.column : 1;
  }
}

/** A cursor over the words of one action. */
class Reader {
  readonly #words: readonly Word[];
  readonly #settings: ReadonlySet<string>;
  #at: number;

  constructor(words: readonly Word[], start: number, settings: ReadonlySet<string>) {
    this.#words = words;
    this.#at = start;
    this.#settings = settings;
  }

  value(): Operand {
    const operand = this.#operand();
    this.#requireEnd();
    return operand;
  }

  condition(): Condition {
    const condition = this.#condition();
    this.#requireEnd();
    return condition;
  }

  #condition(): Condition {
    const first = this.#peek();
    if (first?.kind === "open" && isComparison(this.#words[this.#at + 1])) {
      return this.#inParentheses(() => this.#condition());
    }
    return isComparison(first) ? this.#comparison() : { kind: "present", operand: this.#operand() };
  }

  #comparison(): Condition {
    const { text, column } = this.#next();
    const left = this.#operand();
    const [first, ...more] = [this.#operand(), ...this.#operandsLeft()] as const;
    if (text === "eq") return { kind: "equal", left, right: [first, ...more] };
    if (more.length > 0) throw new TemplateError(column, "ne compares two values");
    return { kind: "different", left, right: first };
  }

  #operandsLeft(): readonly Operand[] {
    const operands: Operand[] = [];
    for (let next = this.#peek(); next !== undefined && next.kind !== "close"; next = this.#peek()) {
      operands.push(this.#operand());
    }
    return operands;
  }

  #operand(): Operand {
    const word = this.#next();
    switch (word.kind) {
      case "quoted":
        return { kind: "text", text: word.text };
      case "field":
        if (word.text === "") throw new TemplateError(word.column, 'a dot alone stands only in index . "claim"');
        return named(word.text, this.#settings);
      case "open":
        this.#at--;
        return this.#inParentheses(() => this.#operand());
      case "close":
        throw new TemplateError(word.column, "a value is missing here");
      case "word":
        return this.#index(word);
    }
  }

  #index(word: Word): Operand {
    if (word.text !== "index") throw unknownWord(word);
    const dot = this.#next();
    const name = this.#next();
    if (dot.kind !== "field" || dot.text !== "" || name.kind !== "quoted" || name.text === "") {
      throw new TemplateError(word.column, 'expected index . "claim"');
    }
    return named(name.text, this.#settings);
  }

  #inParentheses<T>(read: () => T): T {
    const open = this.#next();
    if (this.#peek()?.kind === "open") throw new TemplateError(open.column, "two parentheses where one is enough");
    const value = read();
    if (this.#peek()?.kind !== "close") throw new TemplateError(open.column, "this parenthesis does not end here");
    this.#at++;
    return value;
  }

  #peek(): Word | undefined {
    return this.#words[this.#at];
  }

  /** @throws TemplateError when there is none */
  #next(): Word {
    const word = this.#words[this.#at++];
    if (word !== undefined) return word;
    const last = this.#words.at(-1);
    throw new TemplateError(last?.column ?? 1, `a value is missing behind ${last?.text ?? "{{"}`);
  }

  #requireEnd(): void {
    const extra = this.#peek();
    if (extra === undefined) return;
    throw extra.kind === "word" ? unknownWord(extra) : new TemplateError(extra.column, "one value too many");
  }
}

function isComparison(word: Word | undefined): word is Word {
  return word?.kind === "word" && (word.text === "eq" || word.text === "ne");
}

const ELSEWHERE: ReadonlySet<string> = new Set(["if", "else", "end", "eq", "ne", "index"]);

function unknownWord({ text, column }: Word): TemplateError {
  const what = ELSEWHERE.has(text) ? `${text} cannot stand here` : `${text} is no word of this language`;
  return new TemplateError(column, what);
}
