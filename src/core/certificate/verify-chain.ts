import { MayflyError } from "../errors.ts";
import type { ChainFault, CertificateRule, ChainRule } from "./chain-fault.ts";
import type { CaCertificate } from "./read-ca-certificate.ts";

const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
const ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0";

/**
 * Verifies that certificates form an issuing chain (docs/certificate-profile.md §5): issuing CA first, each signed by the
 * next, ending in a self-signed root, all valid now and allowed to stand where they stand.
 *
 * @param chain at least one certificate
 * @param nowMs wall clock, milliseconds; undefined to leave validity to whoever asks later
 * @throws MayflyError `profile_violation`: CA_EXPIRED for validity, CHAIN_INVALID for everything else; certificates are
 * counted from 1
 */
export function verifyChain(chain: readonly CaCertificate[], nowMs: number | undefined): void {
  for (const { reason, what } of chainFaults(chain, nowMs)) throw new MayflyError(reason, what);
}

/** Everything that makes {@link verifyChain} refuse a chain; where a certificate is undefined, it cannot be read. */
export function* chainFaults(
  chain: readonly (CaCertificate | undefined)[],
  nowMs: number | undefined,
): Generator<ChainFault> {
  for (const [at, certificate] of chain.entries()) {
    if (certificate === undefined) continue;
    const parent = chain[at + 1];
    if (at === chain.length - 1) yield* rootFaults(certificate, at);
    else if (parent !== undefined) yield* linkFaults(certificate, parent, at);
    yield* placeFaults(certificate, at, chain.length);
    if (nowMs !== undefined) yield* validityFaults(certificate, nowMs, at);
  }
  const names = chain.flatMap((certificate) => (certificate === undefined ? [] : [certificate.commonName]));
  if (new Set(names).size !== names.length) {
    yield fault("distinct-names", "two certificates of the chain have the same CN", undefined);
  }
}

function* linkFaults(certificate: CaCertificate, parent: CaCertificate, at: number): Generator<ChainFault> {
  if (!isEqual(certificate.issuerName, parent.subjectName)) {
    const what = `${nth(at)} does not name the next one as its issuer: issuing CA first, root last`;
    yield fault("chain-order", what, at);
  }
  if (!certificate.isSignedBy(parent.publicKey)) {
    yield fault("chain-signature", `${nth(at)} is not signed by the next one's key`, at);
  }
  const authority = certificate.authorityKeyIdentifier;
  if (authority === undefined) {
    yield fault("authority-key-identifier", `${nth(at)} has no authorityKeyIdentifier`, at);
  } else if (!isEqual(authority, parent.subjectKeyIdentifier)) {
    const what = `${nth(at)} has an authorityKeyIdentifier that is not the next one's subjectKeyIdentifier`;
    yield fault("authority-key-identifier", what, at);
  }
}

function* rootFaults(root: CaCertificate, at: number): Generator<ChainFault> {
  if (!isEqual(root.issuerName, root.subjectName)) {
    yield fault("self-signed-root", `${nth(at)} is the last but not self-signed: the root is missing`, at);
  } else if (!root.isSignedBy(root.publicKey)) {
    yield fault("self-signed-root", `${nth(at)} names itself as issuer but is not signed by its own key`, at);
  }
  const authority = root.authorityKeyIdentifier;
  if (authority !== undefined && !isEqual(authority, root.subjectKeyIdentifier)) {
    const what = `${nth(at)} is the root but its authorityKeyIdentifier is not its own`;
    yield fault("authority-key-identifier", what, at);
  }
}

/**
 * Verifiers take an absent extKeyUsage as "any", so upper certificates may go without; the issuing CA below a root must
 * say codeSigning itself, as otherwise its key could issue for every purpose.
 */
function* placeFaults({ extKeyUsage, pathLength }: CaCertificate, at: number, length: number): Generator<ChainFault> {
  if (at === 0 && length > 1 && extKeyUsage?.includes(CODE_SIGNING) !== true) {
    const what = "certificate must have extended key usage code signing set to sign code signing certificates";
    yield fault("ext-key-usage", what, at);
  } else if (
    extKeyUsage !== undefined &&
    !extKeyUsage.some((use) => use === CODE_SIGNING || use === ANY_EXTENDED_KEY_USAGE)
  ) {
    yield fault("ext-key-usage", `${nth(at)} has an extKeyUsage without codeSigning`, at);
  }
  if (pathLength !== undefined && pathLength < at) {
    const what = `${nth(at)} allows ${String(pathLength)} CAs below it, the chain has ${String(at)}`;
    yield fault("path-length", what, at);
  }
}

function* validityFaults({ notBeforeMs, notAfterMs }: CaCertificate, nowMs: number, at: number): Generator<ChainFault> {
  const fault = { rule: "valid-now", reason: "CA_EXPIRED", at } as const;
  if (nowMs < notBeforeMs) yield { ...fault, what: `${nth(at)} is not valid yet` };
  if (nowMs > notAfterMs) yield { ...fault, what: `${nth(at)} has expired` };
}

/** How an operator counts the certificates of a chain file. */
export function nth(index: number): string {
  return `certificate ${String(index + 1)}`;
}

function fault(rule: CertificateRule | ChainRule, what: string, at: number | undefined): ChainFault {
  return { rule, reason: "CHAIN_INVALID", what, at };
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
