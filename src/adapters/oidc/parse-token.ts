import { isJsonObject, JsonError, parseJson, type JsonObject } from "../../core/encoding/json-reader.ts";
import { MayflyError, type Reason } from "../../core/errors.ts";
import { isJwsAlgorithm, type JwsAlgorithm } from "../../core/identity/jws-algorithms.ts";

/** What the header says about the signature (RFC 7515 §4.1). */
export interface TokenHeader {
  readonly alg: JwsAlgorithm;
  /** Absent when the token names no key; an empty one counts as absent. */
  readonly kid?: string;
  /** What kind of token it says it is (RFC 7515 §4.1.9). */
  readonly typ?: string;
}

/** An ID token taken apart. Nothing in it is true until its signature was verified. */
export interface ParsedToken {
  readonly header: TokenHeader;
  readonly claims: JsonObject;
}

const MAX_TOKEN_BYTES = 16_384;
const MAX_HEADER_BYTES = 4096;
const MAX_CLAIMS = 200;
const MAX_KID = 256;

const JSON_LIMITS = { maxDepth: 8, maxMembers: 2000 };

/** JWS Compact Serialization (RFC 7515 §3.1): three parts, none empty, and no character that base64url has not. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/u;

/** Last characters whose unused bits are zero, when a part ends with two or three characters (RFC 4648 §3.5). */
const CANONICAL_END: readonly (RegExp | undefined)[] = [/./u, undefined, /[AQgw]$/u, /[AEIMQUYcgkosw048]$/u];

/** Header members that change what the signature covers, or that belong to encryption. */
const REFUSED_MEMBERS = ["b64", "crit", "cty", "enc", "epk", "p2c", "p2s", "zip"] as const;

/**
 * Takes an ID token apart strictly, before anything in it is believed: compact form, canonical base64url, strict JSON
 * without duplicate members, a header that only says which key and which of the permitted algorithms (RFC 7515,
 * RFC 7519, RFC 8725). Reads no key and needs no issuer.
 *
 * @throws MayflyError `invalid_token`
 */
export function parseToken(idToken: string): ParsedToken {
  if (idToken === "") throw new MayflyError("TOKEN_MISSING", "the request has no ID token");
  if (idToken.length > MAX_TOKEN_BYTES) throw new MayflyError("TOKEN_TOO_LONG", "the token is longer than 16 KiB");
  if (!COMPACT.test(idToken)) throw new MayflyError("TOKEN_MALFORMED", "the token is not a compact JWS");
  const headerEnd = idToken.indexOf(".");
  const payloadEnd = idToken.lastIndexOf(".");
  if (headerEnd > MAX_HEADER_BYTES) throw new MayflyError("TOKEN_TOO_LONG", "the token's header is longer than 4 KiB");
  checkCanonical(idToken.slice(payloadEnd + 1));
  return {
    header: parseHeader(idToken.slice(0, headerEnd)),
    claims: parseClaims(idToken.slice(headerEnd + 1, payloadEnd)),
  };
}

function parseHeader(part: string): TokenHeader {
  const header = parseObject(part, "TOKEN_HEADER_INVALID");
  for (const name of REFUSED_MEMBERS) {
    if (header.has(name)) throw new MayflyError("TOKEN_HEADER_INVALID", `the token's header has a ${name} member`);
  }
  const typ = header.get("typ");
  if (typ !== undefined && typeof typ !== "string") {
    throw new MayflyError("TOKEN_HEADER_INVALID", "the token's typ is not a text");
  }
  const alg = header.get("alg");
  if (!isJwsAlgorithm(alg)) throw new MayflyError("TOKEN_ALGORITHM", "the token's algorithm is not a permitted one");
  const kid = parseKid(header);
  return { alg, ...(kid === undefined ? {} : { kid }), ...(typ === undefined ? {} : { typ }) };
}

function parseKid(header: JsonObject): string | undefined {
  const kid = header.get("kid");
  if (kid === undefined || kid === "") return undefined;
  if (typeof kid !== "string" || kid.length > MAX_KID) {
    throw new MayflyError("TOKEN_HEADER_INVALID", "the token's kid is not a text of at most 256 characters");
  }
  return kid;
}

function parseClaims(part: string): JsonObject {
  const claims = parseObject(part, "TOKEN_MALFORMED");
  if (claims.size > MAX_CLAIMS) throw new MayflyError("TOKEN_MALFORMED", "the token has more than 200 claims");
  return claims;
}

function parseObject(part: string, reason: Reason): JsonObject {
  checkCanonical(part);
  try {
    const value = parseJson(Buffer.from(part, "base64url"), JSON_LIMITS);
    if (isJsonObject(value)) return value;
  } catch (cause) {
    if (cause instanceof JsonError) throw new MayflyError(reason, `a part of the token: ${cause.message}`, { cause });
    throw cause;
  }
  throw new MayflyError(reason, "a part of the token is not a JSON object");
}

/** One byte string has one spelling: length and unused bits are checked, the alphabet was. */
function checkCanonical(part: string): void {
  if (CANONICAL_END[part.length % 4]?.test(part.slice(-1)) !== true) {
    throw new MayflyError("TOKEN_MALFORMED", "a part of the token is not canonical base64url");
  }
}
