import { isJsonNumber } from "../encoding/json-reader.ts";
import type { JsonNumber, JsonObject } from "../encoding/json-reader.ts";
import { MayflyError } from "../errors.ts";
import { optionalClaim } from "./claim.ts";

/**
 * A claim that goes into the certificate as text, whichever scalar the issuer writes: a string as it is, a boolean as `true`
 * or `false`, a number by {@link canonicalNumber}.
 *
 * @returns at most 1,024 bytes in UTF-8 without control characters, perhaps empty; undefined for a claim that is absent
 * @throws MayflyError TOKEN_CLAIM_INVALID for null, an array, an object, a number without such a form, and unfit text
 */
export function scalarClaim(claims: JsonObject, name: string): string | undefined {
  const value = claims.get(name);
  if (value === undefined) return undefined;
  if (typeof value === "boolean") return value ? "true" : "false";
  if (!isJsonNumber(value)) return optionalClaim(claims, name) ?? "";
  const text = canonicalNumber(value);
  if (text === undefined) throw new MayflyError("TOKEN_CLAIM_INVALID", `the ${name} claim has no plain decimal form`);
  return text;
}

const PARTS = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/u;

/** What a certificate may hold of one number; no honest identifier is longer. */
const MAX_DIGITS = 64;

/**
 * A JSON number (RFC 8259 §6) in the one decimal form that equal numbers share: no exponent, no zeros in front or behind
 * that could be left out, no point without digits behind it. Exact, however great it is.
 *
 * @returns undefined for a negative zero, which has no such form, and for more than 64 digits
 */
export function canonicalNumber({ text }: JsonNumber): string | undefined {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = PARTS.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/u, "");
  if (digits === "") return sign === "" ? "0" : undefined;
  // Where the point stands, counted from the first digit; an exponent too long to be a number is infinite here.
  const point = digits.length - fraction.length + Number(exponent);
  if (Math.abs(point) > MAX_DIGITS || digits.length > MAX_DIGITS) return undefined;
  return sign + placePoint(digits, point);
}

function placePoint(digits: string, point: number): string {
  if (point <= 0) return withDecimals("0", "0".repeat(-point) + digits);
  return withDecimals(digits.slice(0, point).padEnd(point, "0"), digits.slice(point));
}

function withDecimals(whole: string, decimals: string): string {
  const needed = decimals.replace(/0+$/u, "");
  return needed === "" ? whole : `${whole}.${needed}`;
}
