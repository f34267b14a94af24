import { MayflyError } from "../errors.ts";
import type { JsonObject } from "../encoding/json-reader.ts";

const MAX_CLAIM_BYTES = 1024;

const CONTROL_CHARACTER = /\p{Cc}/u;

/**
 * A claim that goes into the certificate and that the token must have.
 *
 * @returns text of 1 to 1,024 bytes in UTF-8 without control characters
 * @throws MayflyError TOKEN_CLAIM_MISSING for a claim that is absent or empty, TOKEN_CLAIM_INVALID for one that is no
 *   such text
 */
export function requiredClaim(claims: JsonObject, name: string): string {
  const value = optionalClaim(claims, name);
  if (value === undefined) throw new MayflyError("TOKEN_CLAIM_MISSING", `the token has no ${name} claim`);
  return value;
}

/**
 * A claim that goes into the certificate when the token has it; an empty one counts as absent.
 *
 * @throws MayflyError TOKEN_CLAIM_INVALID as {@link requiredClaim}
 */
export function optionalClaim(claims: JsonObject, name: string): string | undefined {
  const value = claims.get(name);
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw new MayflyError("TOKEN_CLAIM_INVALID", `the ${name} claim is not a string`);
  if (isTooLong(value)) throw new MayflyError("TOKEN_CLAIM_INVALID", `the ${name} claim is longer than 1,024 bytes`);
  if (CONTROL_CHARACTER.test(value)) {
    throw new MayflyError("TOKEN_CLAIM_INVALID", `the ${name} claim has a control character`);
  }
  return value;
}

/** Counts bytes only where the number of UTF-16 units leaves a doubt: one unit is at most three bytes. */
function isTooLong(value: string): boolean {
  if (value.length * 3 <= MAX_CLAIM_BYTES) return false;
  return Buffer.byteLength(value, "utf8") > MAX_CLAIM_BYTES;
}
