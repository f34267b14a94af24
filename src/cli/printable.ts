/** Whatever moves a cursor, turns the direction of text or cannot be seen, as its code point. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;

/**
 * A value as one line of JSON, of which the same holds: programs read in it what was there, and who looks at it in a terminal
 * is safe.
 */
export function printableJson(value: unknown): string {
  const codeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replaceAll(UNPRINTABLE, (character) => character.split("").map(codeUnit).join(""));
}

/** Text of strangers for a terminal: nothing in it can command one. */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
