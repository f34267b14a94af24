import { BitString, OctetString } from "asn1js";
import type { Certificate, Extension } from "pkijs";
import { AuthorityKeyIdentifier, BasicConstraints, ExtKeyUsage } from "pkijs";
import { MayflyError } from "../errors.ts";

/** What the extensions of a CA certificate say. */
export interface CaExtensions {
  readonly subjectKeyIdentifier: Uint8Array;
  /** keyIdentifier of authorityKeyIdentifier, where there is one. */
  readonly authorityKeyIdentifier: Uint8Array | undefined;
  /** Dotted OIDs of extKeyUsage; undefined when the extension is absent. */
  readonly extKeyUsage: readonly string[] | undefined;
  /** pathLenConstraint of basicConstraints. */
  readonly pathLength: number | undefined;
}

const KEY_USAGE = "2.5.29.15";
const BASIC_CONSTRAINTS = "2.5.29.19";
const EXT_KEY_USAGE = "2.5.29.37";
const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
const AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
/** Critical extensions whose meaning is honoured; name constraints are not, and could forbid every leaf. */
const UNDERSTOOD: ReadonlySet<string> = new Set([KEY_USAGE, BASIC_CONSTRAINTS, EXT_KEY_USAGE]);
const KEY_CERT_SIGN = 0x04;
const MAX_PATH_LENGTH = 255;

/**
 * Reads the extensions that matter in a CA certificate and holds them against docs/certificate-profile.md §5.
 *
 * @throws MayflyError `profile_violation` (CHAIN_INVALID)
 */
export function readCaExtensions(certificate: Certificate): CaExtensions {
  const extensions = byIdentifier(certificate.extensions ?? []);
  const basicConstraints = extensions.get(BASIC_CONSTRAINTS);
  const constraints: unknown = basicConstraints?.parsedValue;
  if (!(constraints instanceof BasicConstraints) || !constraints.cA) refuse("it is not a CA: no CA:TRUE");
  if (basicConstraints?.critical !== true) refuse("basicConstraints is not critical");
  requireKeyCertSign(extensions.get(KEY_USAGE));
  return {
    subjectKeyIdentifier: requireSubjectKeyIdentifier(extensions.get(SUBJECT_KEY_IDENTIFIER)),
    authorityKeyIdentifier: readAuthorityKeyIdentifier(extensions.get(AUTHORITY_KEY_IDENTIFIER)),
    extKeyUsage: readExtKeyUsage(extensions.get(EXT_KEY_USAGE)),
    pathLength: readPathLength(constraints.pathLenConstraint),
  };
}

function byIdentifier(extensions: readonly Extension[]): ReadonlyMap<string, Extension> {
  const known = new Map(extensions.map((extension) => [extension.extnID, extension]));
  if (known.size !== extensions.length) refuse("an extension is repeated");
  for (const { extnID, critical } of extensions) {
    if (critical && !UNDERSTOOD.has(extnID)) refuse(`its critical extension ${extnID} is not understood`);
  }
  return known;
}

function requireKeyCertSign(extension: Extension | undefined): void {
  const bits: unknown = extension?.parsedValue;
  const octets = bits instanceof BitString ? bits.valueBlock.valueHexView : new Uint8Array(0);
  if (((octets[0] ?? 0) & KEY_CERT_SIGN) === 0) refuse("keyUsage does not contain keyCertSign");
  if (extension?.critical !== true) refuse("keyUsage is not critical");
}

function requireSubjectKeyIdentifier(extension: Extension | undefined): Uint8Array {
  const identifier: unknown = extension?.parsedValue;
  if (!(identifier instanceof OctetString)) refuse("it has no subjectKeyIdentifier");
  const octets = Uint8Array.from(identifier.valueBlock.valueHexView);
  if (octets.length === 0 || octets.length > 64) refuse("its subjectKeyIdentifier is empty or overlong");
  return octets;
}

function readAuthorityKeyIdentifier(extension: Extension | undefined): Uint8Array | undefined {
  if (extension === undefined) return undefined;
  const identifier: unknown = extension.parsedValue;
  if (!(identifier instanceof AuthorityKeyIdentifier) || identifier.keyIdentifier === undefined) {
    refuse("its authorityKeyIdentifier has no keyIdentifier");
  }
  return Uint8Array.from(identifier.keyIdentifier.valueBlock.valueHexView);
}

function readExtKeyUsage(extension: Extension | undefined): readonly string[] | undefined {
  if (extension === undefined) return undefined;
  const usage: unknown = extension.parsedValue;
  if (!(usage instanceof ExtKeyUsage)) refuse("its extKeyUsage cannot be read");
  return usage.keyPurposes;
}

function readPathLength(constraint: BasicConstraints["pathLenConstraint"]): number | undefined {
  if (constraint === undefined) return undefined;
  const pathLength = typeof constraint === "number" ? constraint : Number(constraint.toBigInt());
  if (pathLength < 0 || pathLength > MAX_PATH_LENGTH) refuse("its pathLenConstraint is out of range");
  return pathLength;
}

function refuse(what: string): never {
  throw new MayflyError("CHAIN_INVALID", what);
}
