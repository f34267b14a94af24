import { MayflyError } from "../errors.ts";
import type { CaCertificate } from "./read-ca-certificate.ts";

const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
const ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0";

/**
 * Verifies that certificates form an issuing chain (docs/certificate-profile.md §5): issuing CA first, each signed by the
 * next, ending in a self-signed root, all valid now and allowed to stand where they stand.
 *
 * @param chain at least one certificate
 * @param nowMs wall clock, milliseconds
 * @throws MayflyError `profile_violation`: CA_EXPIRED for validity, CHAIN_INVALID for everything else; certificates are
 * counted from 1
 */
export function verifyChain(chain: readonly CaCertificate[], nowMs: number): void {
  chain.forEach((certificate, index) => {
    const parent = chain[index + 1];
    if (parent === undefined) verifyRoot(certificate, index);
    else verifyLink(certificate, parent, index);
    verifyPlace(certificate, index, chain.length);
    verifyValidity(certificate, nowMs, index);
  });
  if (new Set(chain.map(({ commonName }) => commonName)).size !== chain.length) {
    refuse("two certificates of the chain have the same CN");
  }
}

function verifyLink(certificate: CaCertificate, parent: CaCertificate, index: number): void {
  if (!isEqual(certificate.issuerName, parent.subjectName)) {
    refuse(`${nth(index)} does not name the next one as its issuer: issuing CA first, root last`);
  }
  if (!certificate.isSignedBy(parent.publicKey)) refuse(`${nth(index)} is not signed by the next one's key`);
  const authority = certificate.authorityKeyIdentifier;
  if (authority === undefined) refuse(`${nth(index)} has no authorityKeyIdentifier`);
  if (!isEqual(authority, parent.subjectKeyIdentifier)) {
    refuse(`${nth(index)} has an authorityKeyIdentifier that is not the next one's subjectKeyIdentifier`);
  }
}

function verifyRoot(root: CaCertificate, index: number): void {
  if (!isEqual(root.issuerName, root.subjectName))
    refuse(`${nth(index)} is the last but not self-signed: the root is missing`);
  if (!root.isSignedBy(root.publicKey)) refuse(`${nth(index)} names itself as issuer but is not signed by its own key`);
  const authority = root.authorityKeyIdentifier;
  if (authority !== undefined && !isEqual(authority, root.subjectKeyIdentifier)) {
    refuse(`${nth(index)} is the root but its authorityKeyIdentifier is not its own`);
  }
}

/**
 * Verifiers take an absent extKeyUsage as "any", so upper certificates may go without; the issuing CA below a root must
 * say codeSigning itself, as otherwise its key could issue for every purpose.
 */
function verifyPlace({ extKeyUsage, pathLength }: CaCertificate, index: number, length: number): void {
  if (index === 0 && length > 1 && extKeyUsage?.includes(CODE_SIGNING) !== true) {
    refuse("certificate must have extended key usage code signing set to sign code signing certificates");
  }
  if (extKeyUsage !== undefined && !extKeyUsage.some((use) => use === CODE_SIGNING || use === ANY_EXTENDED_KEY_USAGE)) {
    refuse(`${nth(index)} has an extKeyUsage without codeSigning`);
  }
  if (pathLength !== undefined && pathLength < index) {
    refuse(`${nth(index)} allows ${String(pathLength)} CAs below it, the chain has ${String(index)}`);
  }
}

function verifyValidity({ notBeforeMs, notAfterMs }: CaCertificate, nowMs: number, index: number): void {
  if (nowMs < notBeforeMs) throw new MayflyError("CA_EXPIRED", `${nth(index)} is not valid yet`);
  if (nowMs > notAfterMs) throw new MayflyError("CA_EXPIRED", `${nth(index)} has expired`);
}

/** How an operator counts the certificates of a chain file. */
export function nth(index: number): string {
  return `certificate ${String(index + 1)}`;
}

function refuse(what: string): never {
  throw new MayflyError("CHAIN_INVALID", what);
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
