/** `pchar` of RFC 3986 §3.3 and the slash, with Go's square brackets; a percent sign only as a whole escape. */
const URI_PATH = /^(?:[A-Za-z0-9._~!$&'()*+,;=:@[\]/-]|%[0-9A-Fa-f]{2})+$/u;

/** Escapes of `.`, `/` and `\`: a reader that decodes before it splits would see other segments. */
export const HIDDEN_SEPARATOR = /%(?:2e|2f|5c)/iu;

/** Labels of RFC 3986 §3.2.2's reg-name without percent-encodings, or an IP-literal; then a port. */
const HOST_AND_PORT =
  /^(?:[\w\-~!$&'()*+,;=]{1,63}(?:\.[\w\-~!$&'()*+,;=]{1,63})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/u;
const MAX_AUTHORITY_LENGTH = 253;

/**
 * Whether an authority (RFC 3986 §3.2) may stand in a name: a host name or an address, and a port at most. Verifiers written
 * in Go refuse the whole certificate over one that they cannot parse. User information, which makes one host read like
 * another, has no place in a name either.
 */
export function isNameAuthority(authority: string): boolean {
  if (authority.length > MAX_AUTHORITY_LENGTH || !HOST_AND_PORT.test(authority)) return false;
  return !authority.startsWith("[") || URL.canParse(`https://${authority}`);
}

/** Go's net/url leaves these as they are when it has to escape a path. */
const NEEDS_ESCAPE = /[^A-Za-z0-9._~$&+,/:;=@-]/gu;

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
