import { visit } from "yaml";
import type { Document } from "yaml";

/** What an error says of a document whose aliases cannot be followed. */
export const BAD_ALIAS = "an alias without its anchor before it, or too many of them";

/**
 * Where the alias stands for which a document (YAML 1.2 §7.1) cannot be made values of: one without its anchor before it,
 * else the first of too many.
 *
 * @returns its offset; 0 where there is no alias
 */
export function badAliasOffset(document: Document): number {
  const anchors = new Set<string>();
  let first: number | undefined;
  let bad: number | undefined;
  visit(document, {
    Value: (_key, { anchor }) => {
      if (anchor !== undefined) anchors.add(anchor);
    },
    Alias: (_key, { source, range }) => {
      first ??= range?.[0];
      if (anchors.has(source)) return undefined;
      bad = range?.[0];
      return visit.BREAK;
    },
  });
  return bad ?? first ?? 0;
}
