/** Dot-atom of RFC 5322 §3.2.3 in ASCII. Quoted local parts are refused: no two verifiers compare them alike. */
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/u;

/** A label of letters, digits and inner hyphens (RFC 1123 §2.1). */
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/u;

/** The last label starts and ends with a letter, so an IP address is no domain. */
const TOP_LABEL = /^[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z])?$/u;

const MAX_LOCAL_PART = 64;
const MAX_DOMAIN = 253;
const MAX_ADDRESS = 254;

/** Whether a text is `Mailbox` of RFC 5321 §4.1.2 without quoted strings, address literals or characters beyond ASCII. */
export function isMailbox(text: string): boolean {
  if (text.length > MAX_ADDRESS) return false;
  const at = text.indexOf("@");
  return isLocalPart(text.slice(0, Math.max(at, 0))) && isMailDomain(text.slice(at + 1));
}

function isLocalPart(text: string): boolean {
  return text.length <= MAX_LOCAL_PART && LOCAL_PART.test(text);
}

/** Whether a text is a host name of two labels or more (RFC 1123 §2.1), as it stands behind the `@` of an address. */
export function isMailDomain(text: string): boolean {
  if (text.length > MAX_DOMAIN) return false;
  const labels = text.split(".");
  return labels.length >= 2 && labels.every((label) => LABEL.test(label)) && TOP_LABEL.test(labels.at(-1) ?? "");
}

/**
 * Whether the domain of an address is one of a list. Names are compared whole and without regard to case (RFC 5321 §2.4),
 * so `example.com` covers neither `sub.example.com` nor `notexample.com`; `*.example.com` covers everything below
 * `example.com`, and not itself.
 *
 * @param address a {@link isMailbox}
 * @param domains in lower case
 */
export function isOfDomains(address: string, domains: readonly string[]): boolean {
  const domain = address.slice(address.indexOf("@") + 1).toLowerCase();
  return domains.some((entry) => (entry.startsWith("*.") ? domain.endsWith(entry.slice(1)) : domain === entry));
}
