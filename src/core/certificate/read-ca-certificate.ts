import type { KeyObject } from "node:crypto";
import { X509Certificate } from "node:crypto";
import { assertCanonicalDer } from "../encoding/canonical-der.ts";
import { DER_TAG, derChildren, parseDer, parseObjectIdentifier } from "../encoding/der-reader.ts";
import type { DerElement } from "../encoding/der-reader.ts";
import { MayflyError } from "../errors.ts";
import type { SignatureAlgorithm } from "./algorithms.ts";
import type { CaExtensions } from "./read-ca-extensions.ts";
import { readCaExtensions } from "./read-ca-extensions.ts";
import { hasSpkiForm, rsaModulusBits } from "./spki-form.ts";
import type { Validity } from "./validity.ts";

/** A CA certificate that satisfies, by itself, the profile's demands (docs/certificate-profile.md §5). */
export interface CaCertificate extends Validity, CaExtensions {
  readonly der: Uint8Array;
  /** DER Names, as they stand in the certificate. */
  readonly subjectName: Uint8Array;
  readonly issuerName: Uint8Array;
  readonly commonName: string;
  /** DER SubjectPublicKeyInfo, as it stands in the certificate. */
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly publicKey: KeyObject;
  /** How this CA's key signs. */
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** Whether the certificate's signature verifies under `key`. */
  readonly isSignedBy: (key: KeyObject) => boolean;
}

const COMMON_NAME = "2.5.4.3";
/** version and extensions of a TBSCertificate (RFC 5280 §4.1). */
const VERSION_TAG = 0xa0;
const EXTENSIONS_TAG = 0xa3;
const MIN_RSA_BITS = 2048;
const MIN_RSA_EXPONENT = 65537n;
/** ECDSA (RFC 5758 §3.2) and RSA PKCS#1 v1.5 (RFC 4055 §5) with SHA-256, SHA-384 and SHA-512. */
const SIGNATURE_ALGORITHMS: ReadonlySet<string> = new Set([
  "1.2.840.10045.4.3.2",
  "1.2.840.10045.4.3.3",
  "1.2.840.10045.4.3.4",
  "1.2.840.113549.1.1.11",
  "1.2.840.113549.1.1.12",
  "1.2.840.113549.1.1.13",
]);

/**
 * Reads one certificate of an issuing chain: canonical DER first, then its fields as they stand there, and node:crypto for its
 * key and its times.
 *
 * @param der a DER Certificate (RFC 5280 §4.1)
 * @throws MayflyError `profile_violation` (CHAIN_INVALID)
 */
export function readCaCertificate(der: Uint8Array): CaCertificate {
  const x509 = readX509(der);
  const { signatureAlgorithm, issuer, subject, subjectPublicKeyInfo, extensions } = readFields(der);
  if (!SIGNATURE_ALGORITHMS.has(signatureAlgorithm)) {
    refuse("it is not signed with ECDSA or RSA PKCS#1 v1.5 and SHA-2");
  }
  return {
    der: Uint8Array.from(der),
    issuerName: Uint8Array.from(issuer.bytes),
    subjectName: Uint8Array.from(subject.bytes),
    subjectPublicKeyInfo: Uint8Array.from(subjectPublicKeyInfo.bytes),
    ...readCaExtensions(extensions),
    commonName: readCommonName(subject),
    publicKey: x509.publicKey,
    signatureAlgorithm: signatureAlgorithmOf(subjectPublicKeyInfo.bytes, x509.publicKey),
    notBeforeMs: x509.validFromDate.getTime(),
    notAfterMs: x509.validToDate.getTime(),
    isSignedBy: (key) => x509.verify(key),
  };
}

function readX509(der: Uint8Array): X509Certificate {
  try {
    assertCanonicalDer(der);
    return new X509Certificate(der);
  } catch (cause) {
    throw new MayflyError("CHAIN_INVALID", "it is not a canonical DER certificate", { cause });
  }
}

/** Names and key as they stand in the certificate: what leaves copy must not pass through anyone's re-encoding. */
function readFields(der: Uint8Array) {
  // OpenSSL has read it, so that every field is there and has its type.
  const [tbs, outerAlgorithm] = derChildren(parseDer(der));
  const fields = tbs === undefined ? [] : derChildren(tbs);
  const [version, , algorithm, issuer, , subject, subjectPublicKeyInfo, ...optional] = fields;
  if (version?.tag !== VERSION_TAG) refuse("it is not an X.509 v3 certificate");
  if (!issuer || !subject || !subjectPublicKeyInfo || !algorithm || !outerAlgorithm) refuse("it is cut short");
  if (Buffer.compare(algorithm.bytes, outerAlgorithm.bytes) !== 0) refuse("it names two signature algorithms");
  const [extensions] = optional.filter(({ tag }) => tag === EXTENSIONS_TAG).flatMap(derChildren);
  const signatureAlgorithm = parseObjectIdentifier(derChildren(algorithm)[0]);
  return { signatureAlgorithm, issuer, subject, subjectPublicKeyInfo, extensions };
}

/** The one CN of a Name (RFC 5280 §4.1.2.4). */
function readCommonName(subject: DerElement): string {
  const values = derChildren(subject)
    .flatMap(derChildren)
    .map(derChildren)
    .flatMap(([type, value]) => (parseObjectIdentifier(type) === COMMON_NAME && value !== undefined ? [value] : []));
  const [value] = values;
  const isText = value?.tag === DER_TAG.utf8String || value?.tag === DER_TAG.printableString;
  const text = isText ? Buffer.from(value.content).toString() : "";
  if (values.length !== 1 || text.trim() === "") refuse("its subject has no CN, an empty one, or several");
  return text;
}

/** Ed25519 is not among them: common clients cannot verify certificates it signs. */
function signatureAlgorithmOf(spki: Uint8Array, key: KeyObject): SignatureAlgorithm {
  if (hasSpkiForm("ecdsa-p256", spki)) return "ecdsa-p256-sha256";
  if (hasSpkiForm("ecdsa-p384", spki)) return "ecdsa-p384-sha384";
  if (hasSpkiForm("ecdsa-p521", spki)) return "ecdsa-p521-sha512";
  requireStrongRsa(spki, key);
  return "rsa-pkcs1-sha256";
}

function requireStrongRsa(spki: Uint8Array, key: KeyObject): void {
  if (key.asymmetricKeyType !== "rsa") refuse("its key is not ECDSA P-256, P-384 or P-521, nor RSA");
  if ((rsaModulusBits(spki) ?? 0) < MIN_RSA_BITS) refuse("its RSA key is not canonical or has less than 2048 bits");
  const exponent = key.asymmetricKeyDetails?.publicExponent ?? 0n;
  if (exponent < MIN_RSA_EXPONENT || exponent % 2n === 0n) refuse("its RSA key has a weak exponent");
}

function refuse(what: string): never {
  throw new MayflyError("CHAIN_INVALID", what);
}
