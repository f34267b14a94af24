/** A number exactly as it was written, so that nothing is rounded on the way into a certificate. */
export interface JsonNumber {
  readonly kind: "number";
  readonly text: string;
}

/** A JSON object: own members only, in the order they were written, never with a prototype. */
export type JsonObject = ReadonlyMap<string, JsonValue>;

/** Any JSON value (RFC 8259 §3), exact: numbers as they were written, objects as maps. */
export type JsonValue = string | boolean | null | JsonNumber | readonly JsonValue[] | JsonObject;

/** Bounds on one JSON text; what lies beyond them is refused, never cut. */
export interface JsonLimits {
  /** Nested objects and arrays, the outermost counted as 1. From 1 to 64, because the reader recurses. */
  readonly maxDepth: number;
  /** Members of all objects and elements of all arrays together. */
  readonly maxMembers: number;
}

/** Why a text was refused; callers translate `kind` into a reason of their own. The message holds no input text. */
export class JsonError extends Error {
  override readonly name = "JsonError";
  readonly kind: "not-json" | "not-utf8" | "duplicate-member" | "too-complex";
  /** Where a text stops being JSON, in UTF-16 units; of `not-json` only. */
  readonly position: number | undefined;

  constructor(kind: JsonError["kind"], detail: string, options?: ErrorOptions & { readonly position?: number }) {
    super(detail, options);
    this.kind = kind;
    this.position = options?.position;
  }
}

/** Whether a value is a JSON object. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map;
}

/** Whether a value is a JSON array. */
export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Whether a value is a JSON number. */
export function isJsonNumber(value: JsonValue | undefined): value is JsonNumber {
  return typeof value === "object" && value !== null && "kind" in value;
}

const GREATEST_DEPTH = 64;

/**
 * Strict reader of one JSON text (RFC 8259), for input that decides who gets a certificate. Beyond the grammar it
 * refuses whatever two readers could understand differently (RFC 7493): a byte order mark, bytes that are not UTF-8,
 * lone surrogates, and members with the same name after escapes are resolved. Numbers stay text. Time and memory are
 * linear in the input.
 *
 * @throws JsonError `not-utf8` for bytes or escapes that encode no Unicode text, `duplicate-member`, `too-complex`
 *   beyond the limits, `not-json` for everything else
 * @throws RangeError when `maxDepth` is not from 1 to 64
 */
export function parseJson(bytes: Uint8Array, limits: JsonLimits): JsonValue {
  if (!(limits.maxDepth >= 1 && limits.maxDepth <= GREATEST_DEPTH)) throw new RangeError("maxDepth out of range");
  return new Reader(decodeUtf8(bytes), limits).document();
}

/** `ignoreBOM` keeps a byte order mark in the text, where the grammar refuses it. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new JsonError("not-utf8", "the text is not UTF-8", { cause });
  }
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;
const LETTER_T = 0x74;
const LETTER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const FOUR_HEX_DIGITS = /[0-9a-fA-F]{4}/y;

/** The character after a backslash → what the two stand for (RFC 8259 §7). */
const ESCAPES: ReadonlyMap<number, string> = new Map(
  Object.entries({ '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }).map(
    ([letter, meaning]) => [letter.charCodeAt(0), meaning],
  ),
);

/** A cursor over one text. Each method starts on the first character of what it reads and ends behind the last. */
class Reader {
  readonly #text: string;
  readonly #maxDepth: number;
  #membersLeft: number;
  #at = 0;
  #depth = 0;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#maxDepth = limits.maxDepth;
    this.#membersLeft = limits.maxMembers;
  }

  document(): JsonValue {
    this.#skipWhitespace();
    const value = this.#value();
    this.#skipWhitespace();
    if (this.#at !== this.#text.length) this.#refuse();
    return value;
  }

  #value(): JsonValue {
    switch (this.#here()) {
      case QUOTE:
        return this.#string();
      case OPEN_BRACE:
        return this.#object();
      case OPEN_BRACKET:
        return this.#array();
      case LETTER_T:
        return this.#literal("true", true);
      case LETTER_F:
        return this.#literal("false", false);
      case LETTER_N:
        return this.#literal("null", null);
      default:
        return this.#number();
    }
  }

  #object(): JsonObject {
    const members = new Map<string, JsonValue>();
    if (this.#enter(CLOSE_BRACE)) return members;
    let more: boolean;
    do {
      this.#countMember();
      if (this.#here() !== QUOTE) this.#refuse();
      const name = this.#string();
      this.#skipWhitespace();
      if (this.#here() !== COLON) this.#refuse();
      this.#at++;
      this.#skipWhitespace();
      const size = members.size;
      members.set(name, this.#value());
      if (members.size === size) throw new JsonError("duplicate-member", "an object has two members of one name");
      more = this.#continue(CLOSE_BRACE);
    } while (more);
    return members;
  }

  #array(): readonly JsonValue[] {
    const elements: JsonValue[] = [];
    if (this.#enter(CLOSE_BRACKET)) return elements;
    let more: boolean;
    do {
      this.#countMember();
      elements.push(this.#value());
      more = this.#continue(CLOSE_BRACKET);
    } while (more);
    return elements;
  }

  /** Steps into an object or array; true when it is empty and already left. */
  #enter(close: number): boolean {
    if (++this.#depth > this.#maxDepth) throw new JsonError("too-complex", "the text is nested too deeply");
    this.#at++;
    this.#skipWhitespace();
    if (this.#here() !== close) return false;
    this.#at++;
    this.#depth--;
    return true;
  }

  /** Behind a member: true when a comma announces another one, false when the object or array was left. */
  #continue(close: number): boolean {
    this.#skipWhitespace();
    const next = this.#here();
    if (next !== COMMA && next !== close) this.#refuse();
    this.#at++;
    if (next === close) {
      this.#depth--;
      return false;
    }
    this.#skipWhitespace();
    return true;
  }

  #countMember(): void {
    if (--this.#membersLeft < 0) throw new JsonError("too-complex", "the text has too many members");
  }

  #string(): string {
    this.#at++;
    let value = this.#plainRun();
    while (this.#here() === BACKSLASH) value += this.#escape() + this.#plainRun();
    if (this.#here() !== QUOTE) this.#refuse();
    this.#at++;
    return value;
  }

  /** Characters up to the next quote, backslash or control character, or to the end. */
  #plainRun(): string {
    const text = this.#text;
    const start = this.#at;
    let end = start;
    for (; end < text.length; end++) {
      const character = text.charCodeAt(end);
      if (character === QUOTE || character === BACKSLASH || character < SPACE) break;
    }
    this.#at = end;
    return text.slice(start, end);
  }

  #escape(): string {
    const letter = this.#text.charCodeAt(this.#at + 1);
    if (letter === LETTER_U) return this.#unicodeEscape();
    const meaning = ESCAPES.get(letter);
    if (meaning === undefined) return this.#refuse();
    this.#at += 2;
    return meaning;
  }

  /** One `\uXXXX`, or the two of a surrogate pair. A surrogate without its partner is no character (RFC 7493 §2.1). */
  #unicodeEscape(): string {
    const unit = this.#codeUnit();
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    const paired = unit <= 0xdbff && this.#text.startsWith("\\u", this.#at);
    const low = paired ? this.#codeUnit() : 0;
    if (low < 0xdc00 || low > 0xdfff) throw new JsonError("not-utf8", "a string has a lone surrogate");
    return String.fromCharCode(unit, low);
  }

  #codeUnit(): number {
    FOUR_HEX_DIGITS.lastIndex = this.#at + 2;
    const digits = FOUR_HEX_DIGITS.exec(this.#text)?.[0];
    if (digits === undefined) return this.#refuse();
    this.#at += 6;
    return Number.parseInt(digits, 16);
  }

  #number(): JsonNumber {
    NUMBER.lastIndex = this.#at;
    const text = NUMBER.exec(this.#text)?.[0];
    if (text === undefined) return this.#refuse();
    this.#at += text.length;
    return { kind: "number", text };
  }

  #literal<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#refuse();
    this.#at += word.length;
    return value;
  }

  #skipWhitespace(): void {
    let character = this.#here();
    while (character === SPACE || character === LINE_FEED || character === CARRIAGE_RETURN || character === TAB) {
      this.#at++;
      character = this.#here();
    }
  }

  /** The code unit under the cursor; -1 behind the end. */
  #here(): number {
    return this.#at < this.#text.length ? this.#text.charCodeAt(this.#at) : -1;
  }

  #refuse(): never {
    throw new JsonError("not-json", `the text is not JSON at position ${this.#at}`, { position: this.#at });
  }
}
