import type { LogRecords } from "../ports/log-store.ts";
import { packReadEntries, type EntryPart } from "./entry-part.ts";
import { noteProblem, type LogProblem, type OnProblem } from "./log-problem.ts";
import type { EntryRange } from "./read-parts.ts";

/**
 * Reads entries of a store by their indexes; those that are damaged or missing are told to `onProblem` as `entry N`.
 *
 * @returns stored bytes by position, undefined for each entry that cannot be had
 * @throws what {@link noteProblem} does not take for damage
 */
export async function readStoredEntries(
  records: Pick<LogRecords, "entries">,
  { start, end }: EntryRange,
  onProblem: OnProblem,
): Promise<readonly (Uint8Array | undefined)[]> {
  const problems: LogProblem[] = [];
  const note = (problem: LogProblem): void => void problems.push(problem);
  const together = await noteProblem(`entries ${start} to ${end - 1}`, note, () => records.entries(start, end));
  if (together?.length === end - start) return together;
  // One by one, to learn which of them it is.
  const indexes = Array.from({ length: end - start }, (_, at) => start + at);
  const entries = await Promise.all(
    indexes.map((index) =>
      noteProblem(`entry ${index}`, onProblem, async () => {
        const [stored] = await records.entries(index, index + 1);
        if (stored === undefined) onProblem({ where: `entry ${index}`, what: "is missing" });
        return stored;
      }),
    ),
  );
  if (!entries.includes(undefined)) problems.forEach(onProblem);
  return entries;
}

/** As {@link readStoredEntries}, but side by side in memory that the caller may give away. */
export async function readStoredPart(
  records: Pick<LogRecords, "entries" | "packedEntries">,
  range: EntryRange,
  onProblem: OnProblem,
): Promise<EntryPart> {
  const { start, end } = range;
  const problems: LogProblem[] = [];
  const packed = await noteProblem(
    `entries ${start} to ${end - 1}`,
    (problem) => void problems.push(problem),
    () => records.packedEntries(start, end),
  );
  if (packed?.ends.length === end - start && packed.ends.every((to, at) => to > (packed.ends[at - 1] ?? 0))) {
    return { start, ...packed };
  }
  const named: LogProblem[] = [];
  const entries = await readStoredEntries(records, range, (problem) => void named.push(problem));
  // What reads well the second time was still read wrongly once.
  (named.length === 0 ? problems : named).forEach(onProblem);
  return packReadEntries(start, entries, onProblem);
}
