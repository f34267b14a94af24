import { assertCanonicalDer } from "../encoding/canonical-der.ts";
import {
  DER_TAG,
  DerError,
  derChildren,
  derContent,
  parseDer,
  parseObjectIdentifier,
  parseUnsignedInteger,
} from "../encoding/der-reader.ts";
import type { DerElement } from "../encoding/der-reader.ts";
import { MayflyError } from "../errors.ts";
import { faultOf } from "./chain-fault.ts";
import type { CertificateFault } from "./chain-fault.ts";

/** What the extensions of a CA certificate say. */
export interface CaExtensions {
  readonly subjectKeyIdentifier: Uint8Array;
  /** keyIdentifier of authorityKeyIdentifier, where there is one. */
  readonly authorityKeyIdentifier: Uint8Array | undefined;
  /** Dotted OIDs of extKeyUsage; undefined when the extension is absent. */
  readonly extKeyUsage: readonly string[] | undefined;
  /** pathLenConstraint of basicConstraints. */
  readonly pathLength: number | undefined;
  /** Whether keyUsage says something beside keyCertSign and cRLSign. */
  readonly hasOtherKeyUsage: boolean;
}

/** An Extension (RFC 5280 §4.1): whether it is critical, and the DER value inside its OCTET STRING. */
interface Extension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

const KEY_USAGE = "2.5.29.15";
const BASIC_CONSTRAINTS = "2.5.29.19";
const EXT_KEY_USAGE = "2.5.29.37";
const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
const AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
/** Critical extensions whose meaning is honoured; name constraints are not, and could forbid every leaf. */
const UNDERSTOOD: ReadonlySet<string> = new Set([KEY_USAGE, BASIC_CONSTRAINTS, EXT_KEY_USAGE]);
/** keyIdentifier [0], authorityCertIssuer [1] and authorityCertSerialNumber [2] (RFC 5280 §4.2.1.1). */
const KEY_IDENTIFIER_TAG = 0x80;
const AUTHORITY_TAGS: readonly number[] = [KEY_IDENTIFIER_TAG, 0xa1, 0x82];
/** Bits 5 and 6 of KeyUsage (RFC 5280 §4.2.1.3), in the first octet behind the count of unused bits. */
const KEY_CERT_SIGN = 0x04;
const CRL_SIGN = 0x02;
const MAX_PATH_LENGTH = 255;

/**
 * Reads the extensions that matter in a CA certificate and holds them against docs/certificate-profile.md §5.
 *
 * @param extensions the SEQUENCE of Extensions of a TBSCertificate (RFC 5280 §4.1.2.9); undefined when there is none
 * @throws MayflyError `profile_violation` (CHAIN_INVALID)
 */
export function readCaExtensions(extensions: DerElement | undefined): CaExtensions {
  const known = asInvalid(() => byIdentifier(extensions));
  return {
    ...READERS["basic-constraints"](known),
    ...READERS["key-usage"](known),
    ...READERS["subject-key-identifier"](known),
    ...READERS["authority-key-identifier"](known),
    ...READERS["ext-key-usage"](known),
  };
}

/** Everything that extensions break of docs/certificate-profile.md §5, where {@link readCaExtensions} names the first. */
export function caExtensionFaults(extensions: DerElement | undefined): readonly CertificateFault[] {
  const unreadable = faultOf("extensions", () => asInvalid(() => byIdentifier(extensions)));
  if (unreadable.length > 0) return unreadable;
  const known = byIdentifier(extensions);
  return EXTENSION_RULES.flatMap((rule) => faultOf(rule, () => READERS[rule](known)));
}

type Known = ReadonlyMap<string, Extension>;

const EXTENSION_RULES = [
  "basic-constraints",
  "key-usage",
  "subject-key-identifier",
  "authority-key-identifier",
  "ext-key-usage",
] as const;

/** What each rule reads, or refuses. */
const READERS = {
  "basic-constraints": (known: Known) =>
    asInvalid(() => ({ pathLength: readBasicConstraints(known.get(BASIC_CONSTRAINTS)) })),
  "key-usage": (known: Known) => asInvalid(() => ({ hasOtherKeyUsage: readKeyUsage(known.get(KEY_USAGE)) })),
  "subject-key-identifier": (known: Known) =>
    asInvalid(() => ({ subjectKeyIdentifier: requireSubjectKeyIdentifier(known.get(SUBJECT_KEY_IDENTIFIER)) })),
  "authority-key-identifier": (known: Known) =>
    asInvalid(() => ({ authorityKeyIdentifier: readAuthorityKeyIdentifier(known.get(AUTHORITY_KEY_IDENTIFIER)) })),
  "ext-key-usage": (known: Known) => asInvalid(() => ({ extKeyUsage: readExtKeyUsage(known.get(EXT_KEY_USAGE)) })),
} satisfies Record<(typeof EXTENSION_RULES)[number], (known: Known) => Partial<CaExtensions>>;

function asInvalid<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new MayflyError("CHAIN_INVALID", "an extension of it cannot be read", { cause });
  }
}

function byIdentifier(extensions: DerElement | undefined): ReadonlyMap<string, Extension> {
  const known = new Map<string, Extension>();
  for (const extension of extensions === undefined ? [] : childrenOf(extensions, DER_TAG.sequence)) {
    const fields = childrenOf(extension, DER_TAG.sequence);
    if (fields.length > 3) refuse("an extension of it has too many fields");
    const critical = fields.length === 3 && isTrue(fields[1]);
    const identifier = parseObjectIdentifier(fields[0]);
    if (known.has(identifier)) refuse("an extension is repeated");
    if (critical && !UNDERSTOOD.has(identifier)) refuse(`its critical extension ${identifier} is not understood`);
    known.set(identifier, { critical, value: derContent(fields.at(-1), DER_TAG.octetString) });
  }
  return known;
}

/** BOOLEAN DEFAULT FALSE: DER leaves FALSE out (X.690 §11.5). */
function isTrue(element: DerElement | undefined): boolean {
  if (derContent(element, DER_TAG.boolean)[0] !== 0xff) throw new DerError("a FALSE that must be left out");
  return true;
}

/** @throws DerError also when the element is of another type */
function childrenOf(element: DerElement, tag: number): readonly DerElement[] {
  if (element.tag !== tag) throw new DerError("an element has another type");
  return derChildren(element);
}

/** What is inside the OCTET STRING of an extension, which no reader of the certificate has looked into. */
function readValue({ value }: Extension): DerElement {
  assertCanonicalDer(value);
  return parseDer(value);
}

const readSequence = (extension: Extension): readonly DerElement[] =>
  childrenOf(readValue(extension), DER_TAG.sequence);

/** @returns pathLenConstraint (RFC 5280 §4.2.1.9) */
function readBasicConstraints(extension: Extension | undefined): number | undefined {
  const [cA, pathLength, ...others] = extension === undefined ? [] : readSequence(extension);
  if (cA?.tag !== DER_TAG.boolean || !isTrue(cA)) refuse("it is not a CA: no CA:TRUE");
  if (extension?.critical !== true) refuse("basicConstraints is not critical");
  if (others.length > 0) refuse("its basicConstraints have too many fields");
  return pathLength === undefined ? undefined : readPathLength(pathLength);
}

function readPathLength(pathLength: DerElement): number {
  const [octet = 0, ...more] = parseUnsignedInteger(pathLength);
  if (more.length > 0) refuse(`its pathLenConstraint is above ${String(MAX_PATH_LENGTH)}`);
  return octet;
}

/** @returns whether there is more than keyCertSign and cRLSign */
function readKeyUsage(extension: Extension | undefined): boolean {
  const [, bits = 0, ...more] = extension === undefined ? [] : derContent(readValue(extension), DER_TAG.bitString);
  if ((bits & KEY_CERT_SIGN) === 0) refuse("keyUsage does not contain keyCertSign");
  if (extension?.critical !== true) refuse("keyUsage is not critical");
  return (bits & ~(KEY_CERT_SIGN | CRL_SIGN)) !== 0 || more.length > 0;
}

function requireSubjectKeyIdentifier(extension: Extension | undefined): Uint8Array {
  if (extension === undefined) refuse("it has no subjectKeyIdentifier");
  const octets = Uint8Array.from(derContent(readValue(extension), DER_TAG.octetString));
  if (octets.length === 0 || octets.length > 64) refuse("its subjectKeyIdentifier is empty or overlong");
  return octets;
}

function readAuthorityKeyIdentifier(extension: Extension | undefined): Uint8Array | undefined {
  if (extension === undefined) return undefined;
  const fields = readSequence(extension);
  const order = fields.map(({ tag }) => AUTHORITY_TAGS.indexOf(tag));
  if (order.some((place, index) => place <= (order[index - 1] ?? -1))) {
    refuse("its authorityKeyIdentifier has fields that do not belong there");
  }
  const [keyIdentifier] = fields;
  if (keyIdentifier?.tag !== KEY_IDENTIFIER_TAG) refuse("its authorityKeyIdentifier has no keyIdentifier");
  return Uint8Array.from(keyIdentifier.content);
}

function readExtKeyUsage(extension: Extension | undefined): readonly string[] | undefined {
  return extension === undefined ? undefined : readSequence(extension).map(parseObjectIdentifier);
}

function refuse(what: string): never {
  throw new MayflyError("CHAIN_INVALID", what);
}
