/** Invisible, unassigned or private characters, line and paragraph ends, and spaces but the plain one. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|[^\P{Zs} ]/u;

/**
 * Whether a text can be a user's name in a certificate: not empty, without `!`, which separates it from the domain, and
 * without `@`, which would let it pass for an e-mail address; no character that is not seen, no space at either end, and in
 * Unicode's normalization form C, so that two names that look alike in one script are one.
 */
export function isUsername(text: string): boolean {
  return (
    text !== "" &&
    !/[!@]/u.test(text) &&
    !UNPRINTABLE.test(text) &&
    text.trim() === text &&
    text.normalize("NFC") === text
  );
}
