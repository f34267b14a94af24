import { X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { assertCanonicalDer } from "../core/encoding/canonical-der.ts";
import { parsePem, PemError } from "../core/encoding/pem.ts";
import { MayflyError } from "../core/errors.ts";

/** A chain as trust files carry it: verifiers end at its root, and take no other path to it. */
export interface CertificateChain {
  /** DER, the certificate that signs what is verified first, the self-signed root last. */
  readonly certificates: readonly Uint8Array[];
  /** The first moment at which all of them are valid, milliseconds. */
  readonly notBeforeMs: number;
  /** O and CN of the root's subject; empty where it has none. */
  readonly rootSubject: { readonly organization: string; readonly commonName: string };
}

/** What a chain is for: to issue certificates, or to sign timestamps (RFC 3161). */
export type ChainPurpose = "issuing" | "timestamping";

const MAX_CERTIFICATES = 8;
/** P-256, P-384 and P-521 by OpenSSL's names. A certificate on another one ends the process in toLegacyObject. */
const CURVES: ReadonlySet<string> = new Set(["prime256v1", "secp384r1", "secp521r1"]);
const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";

/**
 * Reads a PEM file of certificates and nothing else, the one that signs first, the root last.
 *
 * @throws MayflyError `profile_violation` (CHAIN_INVALID), as {@link readCertificateChain}
 */
export function parseCertificateChain(pem: Uint8Array, purpose: ChainPurpose): CertificateChain {
  return readCertificateChain(certificatesIn(pem), purpose);
}

function certificatesIn(pem: Uint8Array): readonly Uint8Array[] {
  try {
    const blocks = parsePem(pem);
    if (blocks.some(({ label }) => label !== "CERTIFICATE")) refuse("the file holds something other than certificates");
    return blocks.map(({ der }) => der);
  } catch (cause) {
    if (!(cause instanceof PemError)) throw cause;
    throw new MayflyError("CHAIN_INVALID", "the file is not PEM with nothing around its blocks", { cause });
  }
}

/**
 * Checks that certificates form a chain which verifiers can follow: each signed by the next, ending in a self-signed root.
 * Their validity is not compared with any clock, as a chain of the past stays trusted for what it signed then.
 *
 * @throws MayflyError `profile_violation` (CHAIN_INVALID); certificates are counted from 1
 */
export function readCertificateChain(ders: readonly Uint8Array[], purpose: ChainPurpose): CertificateChain {
  if (ders.length > MAX_CERTIFICATES) refuse("the chain has more than 8 certificates");
  const chain = ders.map(readCertificate);
  const root = chain.at(-1);
  if (root === undefined) refuse("the file holds no certificate");
  if (!isIssuedBy(root, root)) refuse("the last certificate is not self-signed: the root is missing");
  chain.forEach((certificate, at) => {
    const next = chain[at + 1];
    if (next !== undefined && !isIssuedBy(certificate, next)) refuse(`${nth(at)} is not issued by the next one`);
  });
  requirePurpose(chain, purpose);
  return Object.freeze({
    certificates: chain.map(({ raw }) => new Uint8Array(raw)),
    notBeforeMs: Math.max(...chain.map(({ validFromDate }) => validFromDate.getTime())),
    rootSubject: subjectOf(root),
  });
}

function readCertificate(der: Uint8Array, at: number): X509Certificate {
  const { certificate, publicKey } = readX509(der, at);
  // One certificate that a client cannot read makes it refuse the whole trusted root.
  if (!isReadByClients(publicKey)) {
    refuse(`the key of ${nth(at)} is neither RSA with 2048 bits, nor on P-256, P-384 or P-521, nor Ed25519`);
  }
  if (certificate.serialNumber.startsWith("-")) refuse(`the serial number of ${nth(at)} is negative`);
  return certificate;
}

function readX509(der: Uint8Array, at: number) {
  try {
    assertCanonicalDer(der);
    const certificate = new X509Certificate(der);
    return { certificate, publicKey: certificate.publicKey };
  } catch (cause) {
    throw new MayflyError("CHAIN_INVALID", `${nth(at)} is not a canonical DER certificate`, { cause });
  }
}

function isReadByClients({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  switch (asymmetricKeyType) {
    case "rsa":
      return (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
    case "ec":
      return CURVES.has(asymmetricKeyDetails?.namedCurve ?? "");
    default:
      return asymmetricKeyType === "ed25519";
  }
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function requirePurpose(chain: readonly X509Certificate[], purpose: ChainPurpose): void {
  const authorities = purpose === "issuing" ? chain : chain.slice(1);
  const stranger = authorities.find(({ ca }) => !ca);
  if (stranger !== undefined) refuse(`${nth(chain.indexOf(stranger))} is not a certificate of an authority`);
  if (purpose === "issuing") return;
  if (authorities.length === 0) refuse("a timestamp authority's own certificate comes first, and its root last");
  const own = chain[0]?.toLegacyObject();
  if (own?.ca !== false || own.ext_key_usage?.includes(TIME_STAMPING) !== true) {
    refuse("certificate 1 is not one for timestamps (extKeyUsage timeStamping)");
  }
}

function subjectOf(root: X509Certificate): CertificateChain["rootSubject"] {
  const { O, CN } = root.toLegacyObject().subject;
  const text = (value: string | string[] | undefined): string => [value ?? ""].flat().join(", ");
  return { organization: text(O), commonName: text(CN) };
}

const nth = (at: number): string => `certificate ${String(at + 1)}`;

function refuse(what: string): never {
  throw new MayflyError("CHAIN_INVALID", what);
}
