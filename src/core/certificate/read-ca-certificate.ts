import type { KeyObject } from "node:crypto";
import { X509Certificate } from "node:crypto";
import { assertCanonicalDer } from "../encoding/canonical-der.ts";
import { DER_TAG, derChildren, parseDer, parseObjectIdentifier } from "../encoding/der-reader.ts";
import type { DerElement } from "../encoding/der-reader.ts";
import { MayflyError } from "../errors.ts";
import type { SignatureAlgorithm } from "./algorithms.ts";
import { faultOf } from "./chain-fault.ts";
import type { CertificateFault } from "./chain-fault.ts";
import type { CaExtensions } from "./read-ca-extensions.ts";
import { caExtensionFaults, readCaExtensions } from "./read-ca-extensions.ts";
import { hasSpkiForm, rsaModulusBits } from "./spki-form.ts";
import type { Validity } from "./validity.ts";

/** A CA certificate that satisfies, by itself, the profile's demands (docs/certificate-profile.md §5). */
export interface CaCertificate extends Validity, CaExtensions {
  readonly der: Uint8Array;
  /** DER Names, as they stand in the certificate. */
  readonly subjectName: Uint8Array;
  readonly issuerName: Uint8Array;
  readonly commonName: string;
  /** The CertificateSerialNumber's octets, two's complement (RFC 5280 §4.1.2.2). */
  readonly serialNumber: Uint8Array;
  /** DER SubjectPublicKeyInfo, as it stands in the certificate. */
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly publicKey: KeyObject;
  /** How this CA's key signs. */
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** Whether the certificate's signature verifies under `key`. */
  readonly isSignedBy: (key: KeyObject) => boolean;
}

const COMMON_NAME = "2.5.4.3";
/** version [0] of a TBSCertificate (RFC 5280 §4.1.2.1): INTEGER 2. */
const VERSION_3 = Uint8Array.of(0xa0, 3, 0x02, 1, 2);
const EXTENSIONS_TAG = 0xa3;
const TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/u;
/** Letters of a PrintableString; `*`, `@`, `&` and `_` are none, but common CAs have them in names. */
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?*@&_]*$/u;
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
 * key.
 *
 * @param der a DER Certificate (RFC 5280 §4.1)
 * @throws MayflyError `profile_violation` (CHAIN_INVALID)
 */
export function readCaCertificate(der: Uint8Array): CaCertificate {
  const { x509, publicKey, fields } = readStructures(der);
  const { issuer, validity, subject, subjectPublicKeyInfo, extensions, serialNumber } = fields;
  const commonName = readCommonName(subject);
  requireSignatureAlgorithm(fields.signatureAlgorithm);
  return {
    der: Uint8Array.from(der),
    issuerName: Uint8Array.from(issuer.bytes),
    subjectName: Uint8Array.from(subject.bytes),
    subjectPublicKeyInfo: Uint8Array.from(subjectPublicKeyInfo.bytes),
    serialNumber: Uint8Array.from(serialNumber.content),
    ...readCaExtensions(extensions),
    commonName,
    publicKey,
    signatureAlgorithm: signatureAlgorithmOf(subjectPublicKeyInfo.bytes, publicKey),
    ...readValidity(validity),
    isSignedBy: (key) => x509.verify(key),
  };
}

/** Everything that a certificate breaks by itself, where {@link readCaCertificate} names the first; none when it reads. */
export function caCertificateFaults(der: Uint8Array): readonly CertificateFault[] {
  const unreadable = faultOf("certificate-form", () => readStructures(der));
  if (unreadable.length > 0) return unreadable;
  const { publicKey, fields } = readStructures(der);
  return [
    ...faultOf("common-name", () => readCommonName(fields.subject)),
    ...faultOf("signature-algorithm", () => {
      requireSignatureAlgorithm(fields.signatureAlgorithm);
    }),
    ...caExtensionFaults(fields.extensions),
    ...faultOf("ca-key", () => signatureAlgorithmOf(fields.subjectPublicKeyInfo.bytes, publicKey)),
    ...faultOf("validity-form", () => readValidity(fields.validity)),
  ];
}

function readStructures(der: Uint8Array) {
  return asInvalid(() => {
    assertCanonicalDer(der);
    const x509 = new X509Certificate(der);
    return { x509, publicKey: x509.publicKey, fields: readFields(der) };
  });
}

function asInvalid<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause;
    throw new MayflyError("CHAIN_INVALID", "it is not a canonical DER certificate", { cause });
  }
}

function requireSignatureAlgorithm(algorithm: string): void {
  if (!SIGNATURE_ALGORITHMS.has(algorithm)) refuse("it is not signed with ECDSA or RSA PKCS#1 v1.5 and SHA-2");
}

/** Names and key as they stand in the certificate: what leaves copy must not pass through anyone's re-encoding. */
function readFields(der: Uint8Array) {
  const [tbs, outerAlgorithm] = derChildren(parseDer(der));
  const fields = tbs === undefined ? [] : derChildren(tbs);
  const [version, serialNumber, algorithm, issuer, validity, subject, subjectPublicKeyInfo, ...optional] = fields;
  requireVersion3(version);
  if (!serialNumber || !issuer || !validity || !subject || !subjectPublicKeyInfo) refuse("it is cut short");
  const signatureAlgorithm = readSameAlgorithm(algorithm, outerAlgorithm);
  return {
    signatureAlgorithm,
    serialNumber,
    issuer,
    validity,
    subject,
    subjectPublicKeyInfo,
    extensions: readOnlyExtensions(optional),
  };
}

function requireVersion3(version: DerElement | undefined): void {
  const isVersion3 = version !== undefined && Buffer.compare(version.bytes, VERSION_3) === 0;
  if (!isVersion3) refuse("it is not an X.509 v3 certificate");
}

/** The dotted OID of the algorithm that is named inside and outside of what is signed. */
function readSameAlgorithm(inner: DerElement | undefined, outer: DerElement | undefined): string {
  if (inner === undefined || outer === undefined) refuse("it is cut short");
  if (Buffer.compare(inner.bytes, outer.bytes) !== 0) refuse("it names two signature algorithms");
  return parseObjectIdentifier(derChildren(inner)[0]);
}

/** Unique identifiers, the only other fields behind the key, MUST NOT be used (RFC 5280 §4.1.2.8). */
function readOnlyExtensions(optional: readonly DerElement[]): DerElement | undefined {
  if (optional.some(({ tag }) => tag !== EXTENSIONS_TAG)) refuse("it has unique identifiers");
  return optional.flatMap(derChildren)[0];
}

/** The one CN of a Name (RFC 5280 §4.1.2.4). */
function readCommonName(subject: DerElement): string {
  const values = asInvalid(() => attributeValues(subject, COMMON_NAME));
  const [value] = values;
  const text = value === undefined ? "" : readText(value);
  if (values.length !== 1 || text.trim() === "") refuse("its subject has no CN, an empty one, or several");
  return text;
}

function attributeValues(name: DerElement, identifier: string): readonly DerElement[] {
  return derChildren(name)
    .flatMap(derChildren)
    .map(derChildren)
    .flatMap(([type, value]) => (parseObjectIdentifier(type) === identifier && value !== undefined ? [value] : []));
}

/** A UTF8String or PrintableString (X.680 §41.4) without control characters; empty when it is neither. */
function readText({ tag, content }: DerElement): string {
  const text = Buffer.from(content).toString(tag === DER_TAG.utf8String ? "utf8" : "latin1");
  const isText =
    tag === DER_TAG.utf8String ? !/\p{Cc}/u.test(text) : tag === DER_TAG.printableString && PRINTABLE.test(text);
  return isText ? text : "";
}

/**
 * The two times of a Validity (RFC 5280 §4.1.2.5). OpenSSL reads dates that no calendar has, such as 31 February, and
 * node:crypto then tells any time.
 */
function readValidity(validity: DerElement): Validity {
  const [notBeforeMs = NaN, notAfterMs = NaN] = derChildren(validity).map(readTime);
  if (!(notBeforeMs <= notAfterMs)) refuse("its validity is no range of times");
  return { notBeforeMs, notAfterMs };
}

/** Milliseconds; NaN when it is no time with seconds and without fractions, in UTC. */
function readTime({ tag, content }: DerElement): number {
  const text = Buffer.from(content).toString("latin1");
  // Two digits are of the years 1950 to 2049.
  const century = text < "5" ? "20" : "19";
  const digits = TIME.exec(tag === DER_TAG.utcTime ? century + text : text);
  if (digits === null) return NaN;
  const [, year, month, day, hour, minute, second] = digits;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const timeMs = Date.parse(iso);
  return Number.isNaN(timeMs) || new Date(timeMs).toISOString() !== iso ? NaN : timeMs;
}

/**
 * How a CA with this key signs. Ed25519 is not among them: common clients cannot verify certificates it signs.
 *
 * @param spki DER SubjectPublicKeyInfo of `key`
 * @throws MayflyError `profile_violation` (CHAIN_INVALID) when no CA of the profile has such a key
 */
export function signatureAlgorithmOf(spki: Uint8Array, key: KeyObject): SignatureAlgorithm {
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
