/** Highest index of a certificate issued so far in each log, by the log's id in lower-case hex; ids in ascending order. */
export type HighestLogIndexes = Readonly<Record<string, number>>;

/** The log id of an issued certificate as the trail writes it: SHA-256 in lower-case hex (RFC 6962 §3.2). */
const LOG_ID = /^[0-9a-f]{64}$/u;

/** Whether a value read from the trail names a log. */
export function isLogId(value: unknown): value is string {
  return typeof value === "string" && LOG_ID.test(value);
}

/** Whether a value read from the trail is a place in a log. */
export function isLogIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** The same indexes with one that was answered: what is lower than the one known changes nothing. */
export function raiseLogIndex(highest: HighestLogIndexes, logId: string, logIndex: number): HighestLogIndexes {
  const known = highest[logId];
  if (known !== undefined) return known >= logIndex ? highest : { ...highest, [logId]: logIndex };
  return Object.fromEntries(
    [...Object.entries(highest), [logId, logIndex] as const].sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** What a line of the trail says of them; undefined for anything that no line says. A line without them knows of no log. */
export function parseHighestLogIndexes(value: unknown): HighestLogIndexes | undefined {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const entries: [string, unknown][] = Object.entries(value);
  const isOrdered = entries.every(([logId], at) => at === 0 || logId > (entries[at - 1]?.[0] ?? ""));
  const known = entries.filter((entry): entry is [string, number] => isLogId(entry[0]) && isLogIndex(entry[1]));
  return isOrdered && known.length === entries.length && entries.length > 0 ? Object.fromEntries(known) : undefined;
}

/** Whether two lines say the same. */
export function areSameLogIndexes(one: HighestLogIndexes, other: HighestLogIndexes): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
