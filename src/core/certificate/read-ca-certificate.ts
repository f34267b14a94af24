import type { KeyObject } from "node:crypto";
import { X509Certificate } from "node:crypto";
import { PrintableString, Utf8String } from "asn1js";
import { Certificate } from "pkijs";
import { assertCanonicalDer } from "../encoding/canonical-der.ts";
import { derChildren, parseDer } from "../encoding/der-reader.ts";
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
 * Reads one certificate of an issuing chain: canonical DER first, then pkijs for its structure and node:crypto for its key.
 *
 * @param der a DER Certificate (RFC 5280 §4.1)
 * @throws MayflyError `profile_violation` (CHAIN_INVALID)
 */
export function readCaCertificate(der: Uint8Array): CaCertificate {
  const { certificate, x509 } = readStructures(der);
  const names = readNames(der);
  if (!SIGNATURE_ALGORITHMS.has(certificate.signatureAlgorithm.algorithmId)) {
    refuse("it is not signed with ECDSA or RSA PKCS#1 v1.5 and SHA-2");
  }
  return {
    der: Uint8Array.from(der),
    ...names,
    ...readCaExtensions(certificate),
    commonName: readCommonName(certificate),
    publicKey: x509.publicKey,
    signatureAlgorithm: signatureAlgorithmOf(names.subjectPublicKeyInfo, x509.publicKey),
    notBeforeMs: certificate.notBefore.value.getTime(),
    notAfterMs: certificate.notAfter.value.getTime(),
    isSignedBy: (key) => x509.verify(key),
  };
}

function readStructures(der: Uint8Array): { certificate: Certificate; x509: X509Certificate } {
  try {
    assertCanonicalDer(der);
    return { certificate: Certificate.fromBER(Uint8Array.from(der)), x509: new X509Certificate(der) };
  } catch (cause) {
    throw new MayflyError("CHAIN_INVALID", "it is not a canonical DER certificate", { cause });
  }
}

/** Names and key as they stand in the certificate: what leaves copy must not pass through anyone's re-encoding. */
function readNames(der: Uint8Array): Pick<CaCertificate, "issuerName" | "subjectName" | "subjectPublicKeyInfo"> {
  const [tbs, outerAlgorithm] = derChildren(parseDer(der));
  const fields = tbs === undefined ? [] : derChildren(tbs);
  const [version, , algorithm, issuer, , subject, spki] = fields;
  if (version?.tag !== 0xa0) refuse("it is not an X.509 v3 certificate");
  if (!issuer || !subject || !spki || !algorithm || !outerAlgorithm) refuse("it is cut short");
  if (Buffer.compare(algorithm.bytes, outerAlgorithm.bytes) !== 0) refuse("it names two signature algorithms");
  return {
    issuerName: Uint8Array.from(issuer.bytes),
    subjectName: Uint8Array.from(subject.bytes),
    subjectPublicKeyInfo: Uint8Array.from(spki.bytes),
  };
}

function readCommonName(certificate: Certificate): string {
  const values = certificate.subject.typesAndValues
    .filter(({ type }) => type === COMMON_NAME)
    .map(({ value }) => value);
  const [value] = values;
  const isText = value instanceof Utf8String || value instanceof PrintableString;
  if (values.length !== 1 || !isText || value.getValue().trim() === "") {
    refuse("its subject has no CN, an empty one, or several");
  }
  return value.getValue();
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
