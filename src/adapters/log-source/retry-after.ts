/**
 * How long a server asks to be left alone (RFC 9110 §10.2.3), in milliseconds. A date is counted from the server's own
 * Date, so that nobody's clock has to be right.
 *
 * @returns undefined when it does not say, or not in a way that can be read
 */
export function retryAfterOf(retryAfter: string | undefined, date: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  if (/^\d{1,9}$/u.test(retryAfter)) return Number(retryAfter) * 1000;
  const waitMs = Date.parse(retryAfter) - Date.parse(date ?? "");
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}
