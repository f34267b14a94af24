import { hash } from "node:crypto";
import { isJsonNumber, type JsonObject } from "../../core/encoding/json-reader.ts";
import { MayflyError } from "../../core/errors.ts";

const MAX_REMEMBERED = 100_000;
const MAX_ID_BYTES = 1024;

/** Between two searches for what has expired, so that a full memory costs nobody much. */
const SWEEP_EVERY_MS = 1000;

/**
 * Which tokens were used, of issuers whose tokens are for one use. A token is known by its issuer and its `jti` (RFC 7519
 * §4.1.7), however else it is written, and is forgotten when it has expired. Lives in memory: another process, or this
 * one after a restart, knows nothing of it.
 */
export class UsedTokens {
  readonly #capacity: number;
  /** Issuer and `jti`, hashed → when the token expires, milliseconds of the wall clock. */
  readonly #expiries = new Map<string, number>();
  #sweptMs = Number.NEGATIVE_INFINITY;

  /** @param capacity how many tokens are remembered; some 100 bytes each */
  constructor(capacity = MAX_REMEMBERED) {
    this.#capacity = capacity;
  }

  /**
   * Uses a token up.
   *
   * @param claims of a token that was verified
   * @throws MayflyError TOKEN_CLAIM_MISSING or TOKEN_CLAIM_INVALID for a `jti` that is none, TOKEN_USED, and
   *   `overloaded` (USED_TOKENS_FULL) when no further token can be remembered
   */
  use(issuer: string, claims: JsonObject, nowMs: number): void {
    const key = hash("sha256", JSON.stringify([issuer, tokenIdOf(claims)]), "base64url");
    if ((this.#expiries.get(key) ?? 0) > nowMs) throw new MayflyError("TOKEN_USED", "the token was used before");
    if (this.#expiries.size >= this.#capacity) this.#sweep(nowMs);
    this.#expiries.set(key, expiryOf(claims));
  }

  #sweep(nowMs: number): void {
    if (Math.abs(nowMs - this.#sweptMs) >= SWEEP_EVERY_MS) {
      this.#sweptMs = nowMs;
      for (const [key, expiryMs] of this.#expiries) if (expiryMs <= nowMs) this.#expiries.delete(key);
    }
    if (this.#expiries.size < this.#capacity) return;
    throw new MayflyError("USED_TOKENS_FULL", "too many tokens for one use are remembered", {
      retryAfterMs: SWEEP_EVERY_MS,
    });
  }
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
