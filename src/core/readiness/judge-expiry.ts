/** So many days before an end somebody should hear of it, the earliest first. */
export const EXPIRY_WARNING_DAYS = [90, 30, 7] as const;

const DAY_MS = 86_400_000;

/** Days until an end, with a fraction; negative behind it. */
export function daysUntil(endMs: number, nowMs: number): number {
  return (endMs - nowMs) / DAY_MS;
}

/** The last of {@link EXPIRY_WARNING_DAYS} that was reached, 0 behind the end; undefined while there is time. */
export function reachedWarning(endMs: number, nowMs: number): number | undefined {
  const days = daysUntil(endMs, nowMs);
  return [...EXPIRY_WARNING_DAYS, 0].findLast((warning) => days <= warning);
}
