import { contextTag, integer, oid, sequence, set, utcOrGeneralizedTime, utf8String } from "../encoding/der-writer.ts";
import { SIGNATURE_ALGORITHM_IDENTIFIER } from "./algorithm-identifier.ts";
import type { SignatureAlgorithm } from "./algorithms.ts";
import { encodeAuthorityKeyIdentifier } from "./extensions/authority-key-identifier.ts";
import { encodeCaBasicConstraints } from "./extensions/basic-constraints.ts";
import { CODE_SIGNING_ONLY } from "./extensions/ext-key-usage.ts";
import { CA_KEY_USAGE } from "./extensions/key-usage.ts";
import { encodeSubjectKeyIdentifier, keyIdentifier } from "./extensions/subject-key-identifier.ts";
import type { Validity } from "./validity.ts";

/** The Name of a CA of ours. */
export interface CaName {
  readonly organization: string;
  readonly commonName: string;
}

/** A CA as the certificates below it refer to it. */
export interface CaIdentity {
  readonly name: CaName;
  /** DER SubjectPublicKeyInfo. */
  readonly subjectPublicKeyInfo: Uint8Array;
}

/** Everything a CA certificate of ours says. */
export interface CaTemplate extends Validity {
  readonly subject: CaIdentity;
  /** The CA above; a root is its own issuer. */
  readonly issuer: CaIdentity | "self";
  /** How the issuer's key signs. */
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** 20 random octets, first bit clear. */
  readonly serialNumber: Uint8Array;
  /** How many CAs may follow below; 0 for an issuing CA, undefined for no limit. */
  readonly pathLength: number | undefined;
}

const VERSION_3 = contextTag(0, integer(Uint8Array.of(2)));
const ORGANIZATION = oid("2.5.4.10");
const COMMON_NAME = oid("2.5.4.3");

/**
 * DER TBSCertificate of a root or an issuing CA (docs/certificate-profile.md §5), to be signed by the issuer's key and
 * closed by `encodeCertificate`. An issuing CA, unlike a root, is limited to codeSigning.
 *
 * @throws RangeError when a value cannot be said in a certificate
 * @throws DerError when a key is not a SubjectPublicKeyInfo
 */
export function encodeCaTbs(ca: CaTemplate): Uint8Array {
  const { subject, serialNumber, signatureAlgorithm, notBeforeMs, notAfterMs, pathLength } = ca;
  const issuer = ca.issuer === "self" ? subject : ca.issuer;
  const extensions = sequence(
    CA_KEY_USAGE,
    ...(ca.issuer === "self" ? [] : [CODE_SIGNING_ONLY]),
    encodeCaBasicConstraints(pathLength),
    encodeSubjectKeyIdentifier(keyIdentifier(subject.subjectPublicKeyInfo)),
    encodeAuthorityKeyIdentifier(keyIdentifier(issuer.subjectPublicKeyInfo)),
  );
  return sequence(
    VERSION_3,
    integer(serialNumber),
    SIGNATURE_ALGORITHM_IDENTIFIER[signatureAlgorithm],
    encodeCaName(issuer.name),
    sequence(utcOrGeneralizedTime(notBeforeMs), utcOrGeneralizedTime(notAfterMs)),
    encodeCaName(subject.name),
    subject.subjectPublicKeyInfo,
    contextTag(3, extensions),
  );
}

/** Name with O and CN, UTF8String each (RFC 5280 §4.1.2.4), one attribute per RDN. */
export function encodeCaName({ organization, commonName }: CaName): Uint8Array {
  return sequence(
    set(sequence(ORGANIZATION, utf8String(organization))),
    set(sequence(COMMON_NAME, utf8String(commonName))),
  );
}
