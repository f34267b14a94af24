import { MayflyError } from "../errors.ts";
import { isNameAuthority } from "../identity/certificate-uri.ts";
import type { FulcioExtensions, SubjectAltName } from "../identity/principal.ts";
import { isUsername } from "../identity/username.ts";
import { FULCIO_EXTENSIONS } from "./extensions/fulcio.ts";
import { lintThat } from "./lint-failure.ts";
import { lintKey } from "./lint-key.ts";
import type { CertificateTemplate, LintedTemplate } from "./template.ts";
import { isLifetime, isWithin } from "./validity.ts";

/** Longest value of one extension or of the subjectAltName, in UTF-8 bytes (docs/certificate-profile.md §3). */
export const MAX_VALUE_BYTES = 1024;

/** Longest sum of all these values, in UTF-8 bytes. */
export const MAX_VALUES_BYTES = 8192;

const SERIAL_OCTETS = 20;
/** A serial with these leading octets all zero is below 2^64. */
const HIGH_OCTETS = 12;

/**
 * Holds a template against the profile of leaves (docs/certificate-profile.md §2 and §3).
 *
 * @returns the same value, as the only type that can be encoded and signed
 * @throws MayflyError `profile_violation` (LINT), the rule's name first; `policy_denied` (EXTENSIONS_TOO_LONG) when the
 * token says more than a certificate should carry; `insecure_key` (KEY_IS_OURS) for a key of the issuing chain
 */
export function lintTemplate(template: CertificateTemplate): LintedTemplate {
  lintSerialNumber(template.serialNumber);
  lintSignatureAlgorithm(template);
  lintValidity(template);
  lintKey(template.key, template.issuer);
  lintLengths(template);
  lintSubjectAltName(template.subjectAltName);
  lintExtensions(template.extensions);
  return template as LintedTemplate; // the one place that earns the type: every rule above accepted it
}

function lintSerialNumber(serialNumber: Uint8Array): void {
  lintThat(serialNumber.length === SERIAL_OCTETS, "serial-length", "not 20 octets");
  lintThat((serialNumber[0] ?? 0) < 0x80, "serial-range", "the first bit is set: negative as an INTEGER");
  const isLarge = serialNumber.subarray(0, HIGH_OCTETS).some((octet) => octet !== 0);
  lintThat(isLarge, "serial-range", "below 2^64");
}

function lintSignatureAlgorithm({ issuer }: CertificateTemplate): void {
  lintThat(issuer.signatureAlgorithm !== "ed25519", "signature-algorithm", "Ed25519 does not sign certificates");
}

function lintValidity(template: CertificateTemplate): void {
  const { notBeforeMs, notAfterMs, issuer } = template;
  const isWhole = notBeforeMs % 1000 === 0 && notAfterMs % 1000 === 0;
  lintThat(isWhole, "validity-seconds", "not in whole seconds");
  lintThat(
    isLifetime((notAfterMs - notBeforeMs) / 1000),
    "validity-lifetime",
    "shorter or longer than a leaf may live",
  );
  lintThat(isWithin(template, issuer), "validity-chain", "not inside the validity of the issuing chain");
}

/** Printable ASCII without space; the last `@` is the only one outside the local part, so it is the only one allowed. */
const EMAIL = /^[!-?A-~]+@[!-?A-~]+$/u;
/** RFC 3986 §2 and §3: scheme, then only its characters and well-formed percent-encodings. */
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/u;
/** The authority, when there is one: everything between `//` and the path, query or fragment (RFC 3986 §3.2). */
const AUTHORITY = /^[^:]+:\/\/([^/?#]*)/u;

function lintSubjectAltName({ kind, value }: SubjectAltName): void {
  switch (kind) {
    case "email":
      lintThat(EMAIL.test(value), "san-email", "not one printable ASCII address");
      return;
    case "uri":
      lintThat(URI.test(value), "san-uri", "not an absolute ASCII URI");
      lintThat(hasUsableAuthority(value), "san-uri", "the authority is not a host name or address, and a port at most");
      return;
    case "username":
      lintThat(isUserOfDomain(value), "san-username", "not a user name, one ! and a host name");
  }
}

/** What stands behind the `!` is a host name in lower case. */
const HOST = /^[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/u;

function isUserOfDomain(value: string): boolean {
  const [user = "", domain = "", ...rest] = value.split("!");
  return rest.length === 0 && isUsername(user) && HOST.test(domain);
}

function hasUsableAuthority(uri: string): boolean {
  const authority = AUTHORITY.exec(uri)?.[1];
  return authority === undefined || isNameAuthority(authority);
}

const EXTENSION_NAMES: ReadonlySet<string> = new Set(FULCIO_EXTENSIONS.map(({ name }) => name));
/** C0, DEL and C1: what could end a line, a field or a string for whoever prints or compares the value. */
const CONTROL_CHARACTER = /\p{Cc}/u;

function lintExtensions(extensions: FulcioExtensions): void {
  const values: Partial<FulcioExtensions> = extensions;
  lintThat((values.issuer ?? "") !== "", "issuer-extension", "empty or absent");
  for (const [name, text] of Object.entries(extensions) as [string, string | undefined][]) {
    lintThat(EXTENSION_NAMES.has(name), "extension-name", "a value for an extension that does not exist");
    if (text === undefined) continue;
    lintThat(text.isWellFormed(), "extension-text", `${name} is not well-formed Unicode`);
    lintThat(!CONTROL_CHARACTER.test(text), "extension-text", `${name} holds a control character`);
  }
}

function lintLengths({ subjectAltName, extensions }: CertificateTemplate): void {
  let total = boundedLength("subjectAltName", subjectAltName.value);
  for (const { name } of FULCIO_EXTENSIONS) total += boundedLength(name, extensions[name] ?? "");
  if (total <= MAX_VALUES_BYTES) return;
  const bytes = [subjectAltName.value, ...FULCIO_EXTENSIONS.map(({ name }) => extensions[name] ?? "")].join("");
  const length = Buffer.byteLength(bytes, "utf8");
  if (length <= MAX_VALUES_BYTES) return;
  throw new MayflyError("EXTENSIONS_TOO_LONG", `the extensions hold ${String(length)} bytes together`);
}

/** Octets that one UTF-16 unit takes in UTF-8 at most. */
const MOST_PER_UNIT = 3;

/**
 * How long `text` may be in UTF-8: counting its bytes is left out where its units alone leave no doubt, as of nearly all.
 *
 * @throws MayflyError EXTENSIONS_TOO_LONG
 */
function boundedLength(name: string, text: string): number {
  const most = text.length * MOST_PER_UNIT;
  if (most <= MAX_VALUE_BYTES) return most;
  const length = Buffer.byteLength(text, "utf8");
  if (length > MAX_VALUE_BYTES) throw new MayflyError("EXTENSIONS_TOO_LONG", `${name} holds ${String(length)} bytes`);
  return length;
}
