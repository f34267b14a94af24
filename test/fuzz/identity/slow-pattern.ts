const FILLING = /^[-_A-Za-z0-9]+$/u;

/**
 * Whether a text is a pattern with something in the place of each star: every way to fill every star is tried. Takes time
 * that grows exponentially with the number of stars.
 *
 * @param mayFill what a star may stand for, which is never nothing
 */
export function slowlyMatches(pattern: string, text: string, mayFill: (filling: string) => boolean): boolean {
  if (pattern === "") return text === "";
  if (!pattern.startsWith("*"))
    return pattern[0] === text[0] && slowlyMatches(pattern.slice(1), text.slice(1), mayFill);
  for (let length = 1; length <= text.length; length++) {
    if (mayFill(text.slice(0, length)) && slowlyMatches(pattern.slice(1), text.slice(length), mayFill)) return true;
  }
  return false;
}

/** Whether a URL is one of an issuer pattern's, taken as a text from its first character to its last. */
export function slowlyMatchesIssuer(pattern: string, url: string): boolean {
  return url.length <= 1024 && slowlyMatches(pattern, url, (filling) => FILLING.test(filling));
}

/** Every text of up to so many characters of an alphabet. */
export function everyText(alphabet: readonly string[], length: number): readonly string[] {
  if (length === 0) return [""];
  const shorter = everyText(alphabet, length - 1);
  const longest = shorter.filter((text) => text.length === length - 1);
  return [...shorter, ...longest.flatMap((text) => alphabet.map((character) => text + character))];
}
