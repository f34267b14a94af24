import { hash } from "node:crypto";
import { isJsonNumber, type JsonObject } from "../../core/encoding/json-reader.ts";
import { MayflyError } from "../../core/errors.ts";
import type { VerifiedIdToken } from "../../core/identity/id-token.ts";
import type { UsedTokens } from "../../ports/used-tokens.ts";

const MAX_OF_ISSUER = 100_000;
const MAX_ID_BYTES = 1024;

/** Between two searches for what has expired, so that a full memory costs nobody much. */
const SWEEP_EVERY_MS = 1000;

/** The used tokens of one issuer, or of all issuers of one pattern. */
interface UsesOfIssuer {
  /** Issuer and `jti`, hashed → when the token expires, milliseconds of the wall clock. */
  readonly expiries: Map<string, number>;
  sweptMs: number;
}

/**
 * Remembers used tokens until they expire. A token is known by its issuer and its `jti`, however else it is written. Each entry
 * of the configuration has room of its own: whoever fills it has taken nothing from the callers of other issuers. Lives in
 * memory: another process, or this one after a restart, knows nothing of it.
 */
export class TokenUses implements UsedTokens {
  readonly #capacity: number;
  readonly #issuers = new Map<string, UsesOfIssuer>();

  /** @param capacity how many tokens of one issuer are remembered; some 100 bytes each */
  constructor(capacity = MAX_OF_ISSUER) {
    this.#capacity = capacity;
  }

  use({ issuer: { url, pattern = url }, claims }: VerifiedIdToken, nowMs: number): void {
    const key = hash("sha256", JSON.stringify([url, tokenIdOf(claims)]), "base64url");
    const uses = this.#issuers.get(pattern) ?? this.#open(pattern, nowMs);
    if ((uses.expiries.get(key) ?? 0) > nowMs) throw new MayflyError("TOKEN_USED", "the token was used before");
    if (uses.expiries.size >= this.#capacity) this.#makeRoom(uses, nowMs);
    uses.expiries.set(key, expiryOf(claims));
  }

  /** Makes room for an issuer, and gives up that of issuers whose tokens have all expired: some are trusted no more. */
  #open(name: string, nowMs: number): UsesOfIssuer {
    for (const [other, uses] of this.#issuers) {
      sweep(uses, nowMs);
      if (uses.expiries.size === 0) this.#issuers.delete(other);
    }
    const opened = { expiries: new Map<string, number>(), sweptMs: Number.NEGATIVE_INFINITY };
    this.#issuers.set(name, opened);
    return opened;
  }

  #makeRoom(uses: UsesOfIssuer, nowMs: number): void {
    sweep(uses, nowMs);
    if (uses.expiries.size < this.#capacity) return;
    throw new MayflyError("USED_TOKENS_FULL", "too many tokens for one use are remembered", {
      retryAfterMs: SWEEP_EVERY_MS,
    });
  }
}

function sweep(uses: UsesOfIssuer, nowMs: number): void {
  if (Math.abs(nowMs - uses.sweptMs) < SWEEP_EVERY_MS) return;
  uses.sweptMs = nowMs;
  for (const [key, expiryMs] of uses.expiries) if (expiryMs <= nowMs) uses.expiries.delete(key);
}

function tokenIdOf(claims: JsonObject): string {
  const id = claims.get("jti");
  if (id === undefined || id === "") throw new MayflyError("TOKEN_CLAIM_MISSING", "the token has no jti claim");
  if (typeof id !== "string" || Buffer.byteLength(id) > MAX_ID_BYTES) {
    throw new MayflyError("TOKEN_CLAIM_INVALID", "the jti claim is not a text of at most 1,024 bytes");
  }
  return id;
}

/** `exp` was checked to be a time. */
function expiryOf(claims: JsonObject): number {
  const exp = claims.get("exp");
  return isJsonNumber(exp) ? Number(exp.text) * 1000 : 0;
}
