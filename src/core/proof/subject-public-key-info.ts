import { MayflyError } from "../errors.ts";
import { assertCanonicalDer } from "../encoding/canonical-der.ts";
import {
  derChildren,
  derContent,
  DER_TAG,
  DerError,
  parseBitString,
  parseDer,
  parseObjectIdentifier,
  parseUnsignedInteger,
} from "../encoding/der-reader.ts";
import type { DerElement } from "../encoding/der-reader.ts";
import type { KeyAlgorithm } from "./public-key.ts";

/** A SubjectPublicKeyInfo of an accepted type, in the one encoding that this type and size have. */
export interface SubjectPublicKeyInfo {
  readonly algorithm: KeyAlgorithm;
  /** The whole DER structure (RFC 5280 §4.1.2.7). */
  readonly spki: Uint8Array;
  /**
   * What differs between two keys of this type: for EC the coordinates x‖y, each as long as the field (SEC 1 §2.3.3,
   * without the octet 04), not yet shown to be on the curve; for RSA the modulus, its first bit set; for Ed25519 the 32
   * octets of RFC 8032 §5.1.5.
   */
  readonly value: Uint8Array;
}

/** Everything in front of and behind `value`; together they fix type, size, parameters and RSA's exponent 65537. */
interface Encoding {
  readonly algorithm: KeyAlgorithm;
  readonly prefix: Uint8Array;
  readonly suffix: Uint8Array;
}

/** SubjectPublicKeyInfo with RSAPublicKey (RFC 8017 §A.1.1), up to and with the leading zero of a modulus of `octets`. */
function rsaPrefix(octets: number): string {
  const u16 = (value: number): string => value.toString(16).padStart(4, "0");
  const key = `3082${u16(octets + 10)}0282${u16(octets + 1)}00`;
  return `3082${u16(octets + 34)}300d06092a864886f70d01010105000382${u16(octets + 15)}00${key}`;
}

const EXPONENT_65537 = "0203010001";

// RFC 5480 §2.1.1 and §2.2: named curve, uncompressed point. RFC 8410 §4: no parameters. RFC 3279 §2.3.1: NULL.
// prettier-ignore
const ENCODINGS: readonly (readonly [totalLength: number, algorithm: KeyAlgorithm, prefix: string, suffix?: string])[] = [
  [ 91, "ecdsa-p256", "3059301306072a8648ce3d020106082a8648ce3d03010703420004"],
  [120, "ecdsa-p384", "3076301006072a8648ce3d020106052b8104002203620004"],
  [158, "ecdsa-p521", "30819b301006072a8648ce3d020106052b810400230381860004"],
  [ 44, "ed25519",    "302a300506032b6570032100"],
  [294, "rsa-2048",   rsaPrefix(256), EXPONENT_65537],
  [422, "rsa-3072",   rsaPrefix(384), EXPONENT_65537],
  [550, "rsa-4096",   rsaPrefix(512), EXPONENT_65537],
];

const ENCODING_BY_LENGTH: ReadonlyMap<number, Encoding> = new Map(
  ENCODINGS.map(([totalLength, algorithm, prefix, suffix = ""]) => [
    totalLength,
    { algorithm, prefix: Buffer.from(prefix, "hex"), suffix: Buffer.from(suffix, "hex") },
  ]),
);

/**
 * Reads a DER SubjectPublicKeyInfo. Each accepted key type and size has exactly one encoding, a constant around the
 * key's own octets, so accepting is a comparison with constants: whatever differs in a single octet of structure is
 * refused, and the accepted bytes are canonical without being encoded again. Only a refusal looks closer, for its reason.
 *
 * @throws MayflyError `invalid_public_key` (KEY_NOT_CANONICAL_DER, KEY_POINT_INVALID) or `insecure_key`
 *   (KEY_TYPE_UNSUPPORTED, RSA_SIZE, RSA_EXPONENT, ED25519_WEAK_POINT)
 */
export function parseSubjectPublicKeyInfo(spki: Uint8Array): SubjectPublicKeyInfo {
  const encoding = ENCODING_BY_LENGTH.get(spki.length);
  if (encoding === undefined || !surrounds(encoding, spki)) throw explainRefusal(spki);
  const { algorithm, prefix, suffix } = encoding;
  const value = spki.subarray(prefix.length, spki.length - suffix.length);
  // An INTEGER whose first bit is clear would not need its leading zero: neither minimal nor of this size.
  if (suffix.length > 0 && (value[0] ?? 0) < 0x80) throw explainRefusal(spki);
  return { algorithm, spki, value };
}

function surrounds({ prefix, suffix }: Encoding, spki: Uint8Array): boolean {
  return (
    Buffer.compare(spki.subarray(0, prefix.length), prefix) === 0 &&
    Buffer.compare(spki.subarray(spki.length - suffix.length), suffix) === 0
  );
}

/** Why bytes that match no accepted encoding do not. */
function explainRefusal(spki: Uint8Array): MayflyError {
  try {
    assertCanonicalDer(spki);
    return refusalOf(parseDer(spki));
  } catch (cause) {
    if (cause instanceof DerError) return notCanonical("not a DER SubjectPublicKeyInfo", cause);
    throw cause;
  }
}

function refusalOf(spki: DerElement): MayflyError {
  derContent(spki, DER_TAG.sequence);
  const [algorithm, subjectPublicKey] = derChildren(spki);
  derContent(algorithm, DER_TAG.sequence);
  const [type, parameters] = algorithm === undefined ? [] : derChildren(algorithm);
  const key = parseBitString(subjectPublicKey);
  switch (parseObjectIdentifier(type)) {
    case "1.2.840.10045.2.1":
      return refusalOfEcKey(parameters, key);
    case "1.2.840.113549.1.1.1":
      return refusalOfRsaKey(parameters, key);
    case "1.3.101.112":
      return refusalOfEd25519Key(parameters, key);
    default:
      return new MayflyError("KEY_TYPE_UNSUPPORTED", "key is neither EC, RSA nor Ed25519");
  }
}

/** Field size in octets by curve. */
const CURVES: ReadonlyMap<string, number> = new Map([
  ["1.2.840.10045.3.1.7", 32],
  ["1.3.132.0.34", 48],
  ["1.3.132.0.35", 66],
]);

function refusalOfEcKey(parameters: DerElement | undefined, point: Uint8Array): MayflyError {
  // Explicit parameters may equal a named curve in all but the generator (CVE-2020-0601).
  if (parameters?.tag !== DER_TAG.objectIdentifier) return notCanonical("EC key does not name its curve");
  const fieldSize = CURVES.get(parseObjectIdentifier(parameters));
  if (fieldSize === undefined) return new MayflyError("KEY_TYPE_UNSUPPORTED", "curve is not P-256, P-384 or P-521");
  if (point[0] !== 4 || point.length !== 1 + 2 * fieldSize) {
    return new MayflyError("KEY_POINT_INVALID", "EC point is not an uncompressed point of its curve");
  }
  return notCanonical("EC key holds more than curve and point");
}

function refusalOfRsaKey(parameters: DerElement | undefined, key: Uint8Array): MayflyError {
  if (parameters?.tag !== DER_TAG.null) return notCanonical("RSA key has parameters other than NULL");
  assertCanonicalDer(key);
  const rsaPublicKey = parseDer(key);
  derContent(rsaPublicKey, DER_TAG.sequence);
  const [modulus, exponent] = derChildren(rsaPublicKey).map(parseUnsignedInteger);
  if (modulus === undefined || exponent === undefined) return notCanonical("RSA key lacks modulus or exponent");
  if ((modulus[0] ?? 0) < 0x80 || ![256, 384, 512].includes(modulus.length)) {
    return new MayflyError("RSA_SIZE", "RSA modulus has neither 2048, 3072 nor 4096 bits");
  }
  if (Buffer.from(exponent).toString("hex") !== "010001") {
    return new MayflyError("RSA_EXPONENT", "RSA exponent is not 65537");
  }
  return notCanonical("RSA key holds more than modulus and exponent");
}

function refusalOfEd25519Key(parameters: DerElement | undefined, key: Uint8Array): MayflyError {
  if (parameters === undefined && key.length !== 32) {
    return new MayflyError("ED25519_WEAK_POINT", "Ed25519 key does not have 32 octets");
  }
  return notCanonical("Ed25519 key has parameters or more than a key");
}

function notCanonical(detail: string, cause?: DerError): MayflyError {
  return new MayflyError("KEY_NOT_CANONICAL_DER", detail, cause === undefined ? {} : { cause });
}
