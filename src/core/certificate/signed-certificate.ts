import { verify, X509Certificate, type KeyObject } from "node:crypto";
import {
  DER_TAG,
  derContentStart,
  derElementEnd,
  DerError,
  parseBitString,
  readDerElement,
} from "../encoding/der-reader.ts";
import { SIGNATURE_ALGORITHM_IDENTIFIER } from "./algorithm-identifier.ts";

/**
 * A certificate taken apart (RFC 5280 §4.1), as far as its signature needs it. The arrays are views.
 *
 *   Certificate ::= SEQUENCE { tbsCertificate TBSCertificate, signatureAlgorithm AlgorithmIdentifier,
 *                              signatureValue BIT STRING }
 */
export interface SignedCertificate {
  /** The whole certificate. */
  readonly der: Uint8Array;
  /** DER TBSCertificate. */
  readonly tbsCertificate: Uint8Array;
  /** DER AlgorithmIdentifier. */
  readonly signatureAlgorithm: Uint8Array;
  /** Octets of the signature. */
  readonly signature: Uint8Array;
}

/** Of the version, the first element of a TBSCertificate, which may be absent (RFC 5280 §4.1). */
const VERSION_TAG = 0xa0;

/**
 * Takes a certificate apart. Nothing but the three elements and the algorithm that is named twice is looked at.
 *
 * @throws DerError when it is not made of these three elements, or names two algorithms
 */
export function splitCertificate(der: Uint8Array): SignedCertificate {
  if (der[0] !== DER_TAG.sequence) throw new DerError("a certificate is a SEQUENCE");
  const end = derElementEnd(der, 0);
  if (end !== der.length) throw new DerError("trailing bytes");
  const tbsStart = derContentStart(der, 0);
  const tbsEnd = derElementEnd(der, tbsStart);
  const algorithmEnd = derElementEnd(der, tbsEnd);
  const bitString = readDerElement(der, algorithmEnd);
  if (
    der[tbsStart] !== DER_TAG.sequence ||
    der[tbsEnd] !== DER_TAG.sequence ||
    algorithmEnd + bitString.length !== end
  ) {
    throw new DerError("a certificate is a TBSCertificate, an algorithm and a signature");
  }
  const tbsCertificate = der.subarray(tbsStart, tbsEnd);
  const signatureAlgorithm = der.subarray(tbsEnd, algorithmEnd);
  if (Buffer.compare(algorithmOfTbs(tbsCertificate), signatureAlgorithm) !== 0) {
    throw new DerError("a certificate names one signature algorithm");
  }
  return { der, tbsCertificate, signatureAlgorithm, signature: parseBitString(bitString) };
}

/** The AlgorithmIdentifier inside a TBSCertificate: its third element, or the second where there is no version. */
function algorithmOfTbs(tbs: Uint8Array): Uint8Array {
  let at = derContentStart(tbs, 0);
  if (tbs[at] === VERSION_TAG) at = derElementEnd(tbs, at);
  at = derElementEnd(tbs, at);
  return tbs.subarray(at, derElementEnd(tbs, at));
}

const KNOWN_ALGORITHMS = [
  { identifier: SIGNATURE_ALGORITHM_IDENTIFIER["ecdsa-p256-sha256"], type: "ec", digest: "sha256" },
  { identifier: SIGNATURE_ALGORITHM_IDENTIFIER["ecdsa-p384-sha384"], type: "ec", digest: "sha384" },
  { identifier: SIGNATURE_ALGORITHM_IDENTIFIER["ecdsa-p521-sha512"], type: "ec", digest: "sha512" },
  { identifier: SIGNATURE_ALGORITHM_IDENTIFIER["rsa-pkcs1-sha256"], type: "rsa", digest: "sha256" },
  { identifier: SIGNATURE_ALGORITHM_IDENTIFIER.ed25519, type: "ed25519", digest: null },
] as const;

/**
 * Whether this key signed this certificate (RFC 5280 §4.1.1.3). The algorithms that Mayfly uses are verified on the bytes
 * as they are; any other is OpenSSL's to know.
 */
export function isSignedBy(certificate: SignedCertificate, key: KeyObject): boolean {
  const known = KNOWN_ALGORITHMS.find(
    ({ identifier }) => Buffer.compare(identifier, certificate.signatureAlgorithm) === 0,
  );
  if (known === undefined) return isSignedByOpenSsl(certificate.der, key);
  if (known.type !== key.asymmetricKeyType) return false;
  return verify(known.digest, certificate.tbsCertificate, key, certificate.signature);
}

function isSignedByOpenSsl(der: Uint8Array, key: KeyObject): boolean {
  try {
    return new X509Certificate(der).verify(key);
  } catch (cause) {
    throw new DerError("OpenSSL cannot read the certificate", { cause });
  }
}
