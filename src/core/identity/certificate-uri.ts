import { MayflyError } from "../errors.ts";

const MAX_URI_BYTES = 2048;

/** `pchar` of RFC 3986 §3.3 and the slash, with Go's square brackets; a percent sign only as a whole escape. */
const URI_PATH = /^(?:[A-Za-z0-9._~!$&'()*+,;=:@[\]/-]|%[0-9A-Fa-f]{2})+$/u;

/** What would end the path, or would be read as a separator by a reader that follows WHATWG's URL standard. */
const NO_PATH = /[?#\\\p{Cc}]/u;

/** Escapes of `.`, `/` and `\`: a reader that decodes before it splits would see other segments. */
export const HIDDEN_SEPARATOR = /%(?:2e|2f|5c)/iu;

/** Go's net/url leaves these as they are when it has to escape a path. */
const NEEDS_ESCAPE = /[^A-Za-z0-9._~$&+,/:;=@-]/gu;

/**
 * Appends text from a token to a base that the operator configured, so that scheme and host of the result are the
 * base's whatever the text is. The text may not start or end a segment early: segments that are empty or white space, `.` and `..` are refused.
 *
 * @param baseUrl `https://host` without a final slash
 * @param claim name of the claim that `path` comes from, for the error
 * @returns the bare concatenation, which may hold characters beyond ASCII
 * @throws MayflyError SAN_NOT_PERMITTED
 */
export function joinUri(baseUrl: string, path: string, claim: string): string {
  const segments = path.split("/");
  const unsafe = segments.some((segment) => segment.trim() === "" || segment === "." || segment === "..");
  if (unsafe || NO_PATH.test(path) || HIDDEN_SEPARATOR.test(path)) refuse(claim, "does not fit into the path of a URI");
  return `${baseUrl}/${path}`;
}

/**
 * {@link joinUri} in the form of a subjectAltName: an absolute ASCII URI (RFC 5280 §4.2.1.6, RFC 3986 §3). Characters
 * that a URI cannot hold are percent-encoded exactly as Go's net/url does it, so the name is the one Fulcio would write.
 *
 * @throws MayflyError SAN_NOT_PERMITTED
 */
export function buildSubjectUri(baseUrl: string, path: string, claim: string): string {
  joinUri(baseUrl, path, claim);
  const escaped = escapeUriPath(path);
  if (escaped === undefined) refuse(claim, "mixes percent-encoding with characters that a URI cannot hold");
  const uri = `${baseUrl}/${escaped}`;
  if (uri.length > MAX_URI_BYTES) refuse(claim, "makes a URI longer than 2,048 bytes");
  return uri;
}

/**
 * A path in ASCII, escaped exactly as Go's net/url does it: one that is valid as it stands is kept, any other is escaped.
 *
 * @returns undefined when it has both escapes and characters that need them, so that it has no one form
 */
export function escapeUriPath(path: string): string | undefined {
  if (path === "" || URI_PATH.test(path)) return path;
  if (path.includes("%")) return undefined;
  return path.replaceAll(NEEDS_ESCAPE, percentEncode);
}

/** Upper-case hexadecimal of the character's UTF-8 bytes (RFC 3986 §2.1). */
function percentEncode(character: string): string {
  return [...new TextEncoder().encode(character)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
    .join("");
}

function refuse(claim: string, why: string): never {
  throw new MayflyError("SAN_NOT_PERMITTED", `the ${claim} claim ${why}`);
}
