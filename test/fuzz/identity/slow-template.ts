/** What stands between two braces, or outside of them. */
type Lexeme = { readonly text: string } | { readonly words: readonly string[] };

const SPACE = " \t\r\n";
const WORD = /\s*(?:(?<word>"(?:[^"\\]|\\.)*"|`[^`]*`|\.?[A-Za-z0-9_]+|\.|[()]))/suy;

/** Cuts a template into texts and actions, character by character. */
function cut(source: string): readonly Lexeme[] {
  const lexemes: Lexeme[] = [];
  let rest = source;
  let trimsLeft = false;
  while (rest !== "") {
    const open = rest.indexOf("{{");
    let text = open === -1 ? rest : rest.slice(0, open);
    const isMarked = open !== -1 && rest[open + 2] === "-" && SPACE.includes(rest[open + 3] ?? "!");
    if (trimsLeft) text = text.replace(/^[ \t\r\n]+/u, "");
    if (isMarked) text = text.replace(/[ \t\r\n]+$/u, "");
    lexemes.push({ text });
    if (open === -1) break;
    rest = rest.slice(open + (isMarked ? 3 : 2));
    const words: string[] = [];
    for (;;) {
      const end = /^(?:(?<trim>[ \t\r\n]+-\}\})|[ \t\r\n]*\}\})/u.exec(rest);
      if (end !== null) {
        trimsLeft = end.groups?.["trim"] !== undefined;
        rest = rest.slice(end[0].length);
        break;
      }
      WORD.lastIndex = 0;
      const word = WORD.exec(rest);
      if (word === null) throw new SyntaxError(rest);
      words.push(word.groups?.["word"] ?? "");
      rest = rest.slice(word[0].length);
    }
    lexemes.push({ words });
  }
  return lexemes;
}

/** What a template gives, or why it gives nothing. */
class Evaluation {
  readonly #lookUp: (name: string) => string;
  readonly #lexemes: readonly Lexeme[];
  #at = 0;

  constructor(source: string, lookUp: (name: string) => string) {
    this.#lexemes = cut(source);
    this.#lookUp = lookUp;
  }

  whole(): string {
    const text = this.#upTo([], true);
    if (this.#at < this.#lexemes.length) throw new SyntaxError("an end without a beginning");
    return text;
  }

  /** Everything up to an action that begins with one of these words, on which it stops; values only where they count. */
  #upTo(stops: readonly string[], counts: boolean): string {
    let text = "";
    for (let here = this.#lexemes[this.#at]; here !== undefined; here = this.#lexemes[this.#at]) {
      if ("text" in here) {
        text += here.text;
        this.#at++;
        continue;
      }
      const [first = ""] = here.words;
      if (stops.includes(first)) return text;
      if (first === "else" || first === "end") break;
      text += first === "if" ? this.#choice(here.words.slice(1), counts) : this.#value(here.words, counts);
      if (first !== "if") this.#at++;
    }
    if (stops.length > 0) throw new SyntaxError("no end");
    return text;
  }

  #choice(first: readonly string[], counts: boolean): string {
    let condition: readonly string[] | undefined = first;
    let isDecided = false;
    let taken = "";
    for (;;) {
      const holds: boolean = counts && !isDecided && (condition === undefined || this.#holds(condition));
      this.#at++;
      const text = this.#upTo(["else", "end"], holds);
      if (holds) taken = text;
      isDecided ||= holds;
      const here = this.#lexemes[this.#at];
      if (here === undefined || !("words" in here)) throw new SyntaxError("no end");
      if (here.words[0] === "end") break;
      if (condition === undefined) throw new SyntaxError("else behind else");
      condition = here.words.length === 1 ? undefined : here.words.slice(2);
    }
    this.#at++;
    return taken;
  }

  #holds(words: readonly string[]): boolean {
    const inner = words[0] === "(" && /^(?:eq|ne)$/u.test(words[1] ?? "") ? words.slice(1, -1) : words;
    const [first] = inner;
    if (first !== "eq" && first !== "ne") return this.#operands(inner)[0] !== "";
    const [left, ...others] = this.#operands(inner.slice(1));
    return others.some((other) => other === left) === (first === "eq");
  }

  #value(words: readonly string[], counts: boolean): string {
    return counts ? this.#operands(words).join("") : "";
  }

  #operands(words: readonly string[]): readonly string[] {
    const plain = words.filter((word) => word !== "(" && word !== ")");
    const values: string[] = [];
    for (let at = 0; at < plain.length; at++) {
      const word = plain[at] ?? "";
      if (word === "index") {
        values.push(this.#lookUp(unquote(plain[at + 2] ?? "")));
        at += 2;
      } else {
        values.push(word.startsWith(".") ? this.#lookUp(word.slice(1)) : unquote(word));
      }
    }
    return values;
  }
}

function unquote(word: string): string {
  if (word.startsWith("`")) return word.slice(1, -1);
  if (word.startsWith('"')) return word.slice(1, -1).replaceAll(/\\(?<escaped>.)/gsu, "$<escaped>");
  throw new SyntaxError(word);
}

/**
 * What a template gives, read and evaluated in one go, lenient about everything but what its meaning depends on: to be asked
 * about templates that were taken.
 *
 * @throws whatever `lookUp` throws, and SyntaxError for what makes no sense
 */
export function slowlyEvaluate(source: string, lookUp: (name: string) => string): string {
  return source.includes("{{") ? new Evaluation(source, lookUp).whole() : lookUp(source);
}
