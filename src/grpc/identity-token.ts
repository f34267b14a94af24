import { MayflyError } from "../core/errors.ts";
import { parseBearerToken } from "../wire/signing-request.ts";

/** Where Fulcio's own gateway puts the token, without a scheme. */
const FULCIO_FIELD = "oidcidentitytoken";

/**
 * The token of a call by its metadata: one `authorization` field (RFC 6750 §2.1), or one `oidcidentitytoken` as Fulcio
 * takes it.
 *
 * @param rawHeaders names and values as they came
 * @throws MayflyError `invalid_token` when there is none, or more than one
 */
export function tokenOfMetadata(rawHeaders: readonly string[]): string {
  const plain = valuesOf(rawHeaders, FULCIO_FIELD);
  const authorization = valuesOf(rawHeaders, "authorization");
  const [token = "", ...others] = plain;
  if (plain.length === 0) return parseBearerToken(authorization);
  if (others.length > 0 || authorization.length > 0) {
    throw new MayflyError("TOKEN_MALFORMED", "several tokens in the metadata of the call");
  }
  if (token === "") throw new MayflyError("TOKEN_MISSING", "no token in message or metadata");
  return token;
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  // HTTP/2 has lower-case names only (RFC 9113 §8.2).
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at] === name) values.push(rawHeaders[at + 1] ?? "");
  return values;
}
