import { MayflyError } from "../errors.ts";
import { isJsonObject } from "../encoding/json-reader.ts";
import type { JsonObject } from "../encoding/json-reader.ts";

const MAX_CLAIM_BYTES = 1024;

const CONTROL_CHARACTER = /\p{Cc}/u;

/**
 * A claim that goes into the certificate and that the token must have.
 *
 * @param label what errors call it; its name when left out
 * @returns text of 1 to 1,024 bytes in UTF-8 without control characters
 * @throws MayflyError TOKEN_CLAIM_MISSING for a claim that is absent or empty, TOKEN_CLAIM_INVALID for one that is no
 *   such text
 */
export function requiredClaim(claims: JsonObject, name: string, label = name): string {
  const value = optionalClaim(claims, name, label);
  if (value === undefined) throw new MayflyError("TOKEN_CLAIM_MISSING", `the token has no ${label} claim`);
  return value;
}

/**
 * A claim that goes into the certificate when the token has it; an empty one counts as absent.
 *
 * @throws MayflyError TOKEN_CLAIM_INVALID as {@link requiredClaim}
 */
export function optionalClaim(claims: JsonObject, name: string, label = name): string | undefined {
  const value = claims.get(name);
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw new MayflyError("TOKEN_CLAIM_INVALID", `the ${label} claim is not a string`);
  if (isTooLong(value)) throw new MayflyError("TOKEN_CLAIM_INVALID", `the ${label} claim is longer than 1,024 bytes`);
  if (CONTROL_CHARACTER.test(value)) {
    throw new MayflyError("TOKEN_CLAIM_INVALID", `the ${label} claim has a control character`);
  }
  return value;
}

/**
 * A claim that is an object and that the token must have.
 *
 * @throws MayflyError TOKEN_CLAIM_MISSING, TOKEN_CLAIM_INVALID
 */
export function objectClaim(claims: JsonObject, name: string, label = name): JsonObject {
  const value = claims.get(name);
  if (value === undefined) throw new MayflyError("TOKEN_CLAIM_MISSING", `the token has no ${label} claim`);
  if (!isJsonObject(value)) throw new MayflyError("TOKEN_CLAIM_INVALID", `the ${label} claim is not an object`);
  return value;
}

/**
 * {@link requiredClaim} inside of objects: the member at the end of `path`, each step but the last an object.
 *
 * @param path names of members, outermost first, one at least
 * @throws MayflyError TOKEN_CLAIM_MISSING, TOKEN_CLAIM_INVALID
 */
export function claimAt(claims: JsonObject, path: readonly string[]): string {
  const label = (length: number): string => path.slice(0, length).join(".");
  let object = claims;
  for (const [index, name] of path.slice(0, -1).entries()) object = objectClaim(object, name, label(index + 1));
  return requiredClaim(object, path.at(-1) ?? "", label(path.length));
}

/** Counts bytes only where the number of UTF-16 units leaves a doubt: one unit is at most three bytes. */
function isTooLong(value: string): boolean {
  if (value.length * 3 <= MAX_CLAIM_BYTES) return false;
  return Buffer.byteLength(value, "utf8") > MAX_CLAIM_BYTES;
}
