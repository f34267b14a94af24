/** What becomes of one thing that a Fulcio was configured with. */
export type Outcome = "kept" | "changed" | "no counterpart" | "must be decided";

/** One line of the report. */
export interface Finding {
  readonly outcome: Outcome;
  /** What it is about, as Fulcio names it. */
  readonly subject: string;
  readonly note: string;
}

/** A file that the configuration names and that is written beside it. */
export interface CompanionFile {
  /** Relative to the configuration's folder. */
  readonly name: string;
  readonly text: string;
}

/** A part of our configuration, made from Fulcio's, and what is to be said about it. */
export interface Section {
  readonly lines: readonly string[];
  readonly findings: readonly Finding[];
  /** Commands to run before Mayfly can start, in order; each a whole line. */
  readonly commands?: readonly string[];
  readonly files?: readonly CompanionFile[];
}

/** Characters of a comment's line, without its indentation. */
const WIDTH = 116;

/** Control characters would command the terminal; what stands before an `@` in a URL may be a password. */
export function printable(text: string): string {
  return escapeControls(text.replaceAll(/\/\/[^\s/@]*@/gu, "//…@"));
}

function escapeControls(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Zl}\p{Zp}\u200B-\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Comment lines at an indentation, wrapped; line breaks in the text stay visible and break nothing. */
export function comment(text: string, indent = 0): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of printable(text).split(" ")) {
    if (line !== "" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((one) => `${" ".repeat(indent)}# ${one}`);
}

const PLAIN = /^[A-Za-z/][A-Za-z0-9/._@+-]*$/u;
/** What a plain scalar would be read as something else than text. */
const NOT_TEXT = /^(?:true|false|null|yes|no|on|off|y|n)$/iu;

/** A string as a YAML scalar (YAML 1.2 §7.3): plain where it cannot be mistaken, else in double quotes, as in JSON. */
export function scalar(text: string): string {
  return PLAIN.test(text) && !NOT_TEXT.test(text) ? text : escapeControls(JSON.stringify(text));
}

/** A URL or pattern as a part of a file's name. */
export function fileNameOf(url: string): string {
  return url
    .replace(/^https?:\/\//u, "")
    .replaceAll(/[^A-Za-z0-9.]+/gu, "-")
    .replaceAll(/^[.-]+|-$/gu, "");
}
