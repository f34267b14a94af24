import { TemplateError } from "./template.ts";

/** A word or sign inside an action, at its column. */
export interface Word {
  readonly column: number;
  readonly kind:
    /** `if`, `eq`, `index`: `text` is the word. */
    | "word"
    /** `.claim`: `text` is the name without its dot, empty for the dot alone. */
    | "field"
    /** `"text"` or `` `text` ``: `text` is what the quotes hold. */
    | "quoted"
    | "open"
    | "close";
  readonly text: string;
}

/** What stands outside of `{{` and `}}`, or inside. */
export type Lexeme =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly column: number; readonly words: readonly Word[] };

const OPEN = "{{";
const CLOSE = "}}";
/** White space to Go's template language. */
const SPACES: ReadonlySet<string | undefined> = new Set([" ", "\t", "\r", "\n"]);
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const FIELD = /\.(?:[A-Za-z_][A-Za-z0-9_]*)?/y;
const RAW = /`[^`]*`/y;
const QUOTED = /"(?:[^"\\\n]|\\.)*"/y;
const ESCAPE = /\\(?<escaped>.)/gu;

/**
 * Cuts a template into texts and actions. `{{- ` and ` -}}` take away the white space before and behind, as in Go. Time is
 * linear in the template.
 *
 * @throws TemplateError for an action that does not end, and for signs that this language does not have
 */
export function scanTemplate(source: string): readonly Lexeme[] {
  return new Scanner(source).lexemes();
}

/** A cursor over one template. */
class Scanner {
  readonly #source: string;
  #at = 0;
  /** Whether the action before the cursor takes the white space behind it. */
  #trims = false;

  constructor(source: string) {
    this.#source = source;
  }

  lexemes(): readonly Lexeme[] {
    const lexemes: Lexeme[] = [];
    while (this.#at < this.#source.length) {
      const open = this.#source.indexOf(OPEN, this.#at);
      const text = this.#text(open);
      if (text !== "") lexemes.push({ kind: "text", text });
      if (open === -1) break;
      lexemes.push({ kind: "action", column: open + 1, words: this.#action(open) });
    }
    return lexemes;
  }

  /** The text from the cursor to the action that opens there, or to the end. */
  #text(open: number): string {
    let start = this.#at;
    let end = open === -1 ? this.#source.length : open;
    if (this.#trims) while (start < end && SPACES.has(this.#source[start])) start++;
    if (open !== -1 && this.#isTrimMark(open)) while (end > start && SPACES.has(this.#source[end - 1])) end--;
    return this.#source.slice(start, end);
  }

  /** A hyphen and a space right behind the opening braces. */
  #isTrimMark(open: number): boolean {
    return this.#source[open + 2] === "-" && SPACES.has(this.#source[open + 3]);
  }

  /** The words of the action that opens there; the cursor is then behind it. */
  #action(open: number): readonly Word[] {
    const words: Word[] = [];
    this.#at = open + (this.#isTrimMark(open) ? 3 : 2);
    for (;;) {
      const spaced = this.#skipSpaces();
      if (this.#takeClose(spaced)) return words;
      if (this.#at >= this.#source.length) throw new TemplateError(open + 1, "this action has no }}");
      const word = this.#word();
      if (!spaced) requireApart(words.at(-1), word);
      words.push(word);
    }
  }

  #skipSpaces(): boolean {
    const start = this.#at;
    while (SPACES.has(this.#source[this.#at])) this.#at++;
    return this.#at > start;
  }

  #takeClose(spaced: boolean): boolean {
    this.#trims = spaced && this.#source.startsWith(`-${CLOSE}`, this.#at);
    if (!this.#trims && !this.#source.startsWith(CLOSE, this.#at)) return false;
    this.#at += this.#trims ? 3 : 2;
    return true;
  }

  #word(): Word {
    const column = this.#at + 1;
    const here = this.#source[this.#at] ?? "";
    switch (here) {
      case "(":
      case ")":
        this.#at++;
        return { kind: here === "(" ? "open" : "close", text: here, column };
      case "`":
        return { kind: "quoted", text: this.#quotation(RAW).slice(1, -1), column };
      case '"':
        return { kind: "quoted", text: unescape(this.#quotation(QUOTED).slice(1, -1), column), column };
      case ".":
        return { kind: "field", text: this.#take(FIELD).slice(1), column };
    }
    const name = this.#take(NAME);
    if (name !== "") return { kind: "word", text: name, column };
    throw new TemplateError(column, `${JSON.stringify(here)} is no part of this language`);
  }

  #quotation(pattern: RegExp): string {
    const column = this.#at + 1;
    const quotation = this.#take(pattern);
    if (quotation === "") throw new TemplateError(column, "this quotation does not end");
    return quotation;
  }

  /** The text that matches here, which the cursor is then behind; empty for none. */
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#source)?.[0] ?? "";
    this.#at += text.length;
    return text;
  }
}

function unescape(text: string, column: number): string {
  return text.replaceAll(ESCAPE, (sequence, escaped: string) => {
    if (escaped === '"' || escaped === "\\") return escaped;
    throw new TemplateError(column, `${sequence} in a quotation: only \\" and \\\\ are known there`);
  });
}

/** As in Go: only the inner side of a parenthesis needs no space. */
function requireApart(before: Word | undefined, word: Word): void {
  if (before === undefined || before.kind === "open" || word.kind === "close") return;
  const isPath = before.kind === "field" && word.kind === "field";
  throw new TemplateError(word.column, isPath ? "a claim has no parts of its own" : "a space is missing here");
}
