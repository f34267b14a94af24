/** A text with stars, cut at them: one literal more than there are stars. */
export type StarredText = readonly [string, ...string[]];

/** Cuts a text at its stars. */
export function cutAtStars(text: string): StarredText {
  const [first = "", ...rest] = text.split("*");
  return [first, ...rest];
}

/** Whether a star may stand for the part of a text from `start` to before `end`. */
type IsFill = (text: string, start: number, end: number) => boolean;

/**
 * Whether a text is the pattern with one or more characters in the place of each star. Every literal is looked for once,
 * from where the one before it ended: the first place that it stands at is as good as any later one, because whatever
 * else a star could take in is left to the next star. So there is no way back, and no input for which that is slow.
 *
 * @param isFill what a star may stand for; anything when left out
 */
export function matchesStars(pattern: StarredText, text: string, isFill: IsFill = () => true): boolean {
  const [head, ...literals] = pattern;
  const tail = literals.pop();
  if (tail === undefined) return text === head;
  const end = text.length - tail.length;
  if (end <= head.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
  const at = endOfLiterals(literals, text, { start: head.length, isFill });
  return at !== undefined && at < end && isFill(text, at, end);
}

/** Where the last literal ends, each behind a star that is filled. */
function endOfLiterals(
  literals: readonly string[],
  text: string,
  { start, isFill }: { readonly start: number; readonly isFill: IsFill },
): number | undefined {
  let at = start;
  for (const literal of literals) {
    const found = text.indexOf(literal, at + 1);
    if (found === -1 || !isFill(text, at, found)) return undefined;
    at = found + literal.length;
  }
  return at;
}
