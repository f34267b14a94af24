/** A period of validity; both ends are whole seconds, in milliseconds since the Unix epoch, and both belong to it. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Shortest and longest time that a leaf may be valid (docs/certificate-profile.md §2). */
export const LIFETIME_SECONDS: { readonly min: number; readonly max: number } = { min: 60, max: 3600 };

/**
 * The validity of a leaf: notBefore is `nowMs` in whole seconds less the back-dating, and notAfter lies exactly
 * `lifetimeSeconds` after it. As RFC 5280 §4.1.2.5 includes both ends, that is `lifetimeSeconds` + 1 distinct seconds.
 *
 * @param clock `nowMs` is the request's one clock reading
 * @throws RangeError when the configured times make no sense: not whole, out of bounds, or back-dated beyond the lifetime
 */
export function leafValidity(clock: {
  readonly nowMs: number;
  readonly lifetimeSeconds: number;
  readonly backdateSeconds: number;
}): Validity {
  const { nowMs, lifetimeSeconds, backdateSeconds } = clock;
  if (!Number.isInteger(lifetimeSeconds) || !isLifetime(lifetimeSeconds)) {
    throw new RangeError(`a lifetime of ${String(lifetimeSeconds)} s is outside the profile`);
  }
  if (!Number.isInteger(backdateSeconds) || backdateSeconds < 0 || backdateSeconds >= lifetimeSeconds) {
    throw new RangeError(`back-dating by ${String(backdateSeconds)} s leaves nothing of ${String(lifetimeSeconds)} s`);
  }
  const notBeforeMs = (Math.floor(nowMs / 1000) - backdateSeconds) * 1000;
  return { notBeforeMs, notAfterMs: notBeforeMs + lifetimeSeconds * 1000 };
}

/** Whether a leaf may be valid for so many seconds. */
export function isLifetime(seconds: number): boolean {
  return seconds >= LIFETIME_SECONDS.min && seconds <= LIFETIME_SECONDS.max;
}

/** Whether `inner` lies inside `outer`, ends included. */
export function isWithin(inner: Validity, outer: Validity): boolean {
  return inner.notBeforeMs >= outer.notBeforeMs && inner.notAfterMs <= outer.notAfterMs;
}
