/** What a caller may choose as its request's identifier: text that is harmless in any log. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/u;

/**
 * The identifier of a request: the caller's own when it is at most 128 visible ASCII characters, else a new one.
 *
 * @param offered the caller's `x-request-id`, whatever it is
 */
export function chooseRequestId(offered: unknown, makeRequestId: () => string): string {
  return typeof offered === "string" && REQUEST_ID.test(offered) ? offered : makeRequestId();
}
