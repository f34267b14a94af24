import type { TokenHeader } from "./parse-token.ts";

const COOL_DOWN_MS = 30_000;
const HOUR_MS = 3_600_000;
const REFETCHES_PER_HOUR = 20;
const REMEMBERED_MS = 60_000;
const MAX_REMEMBERED = 1000;

/**
 * Decides when a token that names an unknown key may have an issuer's keys fetched again. Anybody can invent key ids,
 * so such tokens must not turn into requests to the issuer: one in 30 s, 20 in an hour, and none for an id that was
 * looked for in vain within the last minute.
 */
export class UnknownKids {
  /** Times of the last hour's refetches, oldest first. */
  #refetches: readonly number[] = [];
  /** Key id and algorithm → when it may be looked for again; oldest first. */
  readonly #missing = new Map<string, number>();

  /** Whether the keys may be fetched again now for this token; counts as a refetch when they may. */
  mayRefetch(header: TokenHeader, nowMs: number): boolean {
    const until = this.#missing.get(nameOf(header));
    if (until !== undefined && nowMs < until) return false;
    this.#refetches = this.#refetches.filter((time) => nowMs - time < HOUR_MS);
    const last = this.#refetches.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - last < COOL_DOWN_MS || this.#refetches.length >= REFETCHES_PER_HOUR) return false;
    this.#refetches = [...this.#refetches, nowMs];
    return true;
  }

  /** Remembers that fetching again did not help. */
  rememberMissing(header: TokenHeader, nowMs: number): void {
    const name = nameOf(header);
    this.#missing.delete(name);
    this.#missing.set(name, nowMs + REMEMBERED_MS);
    const [oldest] = this.#missing.keys();
    if (this.#missing.size > MAX_REMEMBERED && oldest !== undefined) this.#missing.delete(oldest);
  }
}

function nameOf({ alg, kid }: TokenHeader): string {
  return `${alg} ${kid ?? ""}`;
}
