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
import { parsePem, PemError } from "../encoding/pem.ts";
import { MayflyError } from "../errors.ts";
import { parseCsrSignatureAlgorithm } from "./csr-signature-algorithm.ts";
import type { CsrSignatureAlgorithm } from "./csr-signature-algorithm.ts";

const MAX_CSR_BYTES = 16 * 1024;

/** RFC 7468 §7: the second label is the one of old software. */
const LABELS: ReadonlySet<string> = new Set(["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"]);

/** Identifier octet of `attributes [0] IMPLICIT SET OF`. */
const ATTRIBUTES = 0xa0;

/** The parts of a certification request (RFC 2986 §4) that mean anything to Mayfly; views on its DER. */
export interface CertificationRequest {
  /** certificationRequestInfo, the bytes that were signed. */
  readonly info: Uint8Array;
  /** DER Name; a leaf's is ignored. */
  readonly subject: Uint8Array;
  readonly subjectPublicKeyInfo: Uint8Array;
  /**
   * Reads the signature algorithm, which is judged after the key.
   *
   * @throws MayflyError `algorithm_not_permitted` (CSR_ALGORITHM_UNRECOGNIZED) or `invalid_csr` (CSR_MALFORMED)
   */
  readonly signatureAlgorithm: () => CsrSignatureAlgorithm;
  readonly signature: Uint8Array;
}

/**
 * Reads one PEM block `CERTIFICATE REQUEST` or `NEW CERTIFICATE REQUEST` of at most 16 KiB that holds canonical DER.
 * Subject and attributes must be well formed; for a leaf they are then ignored: it says what the token says. Nothing is
 * verified here.
 *
 * @throws MayflyError `invalid_csr`
 */
export function parseCertificationRequest(csr: Uint8Array): CertificationRequest {
  if (csr.length > MAX_CSR_BYTES) throw new MayflyError("CSR_TOO_LONG", `CSR exceeds ${MAX_CSR_BYTES} bytes`);
  const der = decodeCsr(csr);
  return asMalformed(() => {
    assertCanonicalDer(der);
    return readParts(parseDer(der));
  });
}

function decodeCsr(csr: Uint8Array): Uint8Array {
  try {
    const [block, ...others] = parsePem(csr);
    if (block === undefined || others.length > 0) throw new PemError("more than one PEM block");
    if (LABELS.has(block.label)) return block.der;
  } catch (cause) {
    if (cause instanceof PemError) throw new MayflyError("CSR_NOT_PEM", cause.message, { cause });
    throw cause;
  }
  throw new MayflyError("CSR_WRONG_PEM_TYPE", "PEM block is not a certification request");
}

function readParts(certificationRequest: DerElement): CertificationRequest {
  const [info, algorithm, signature, ...others] = elementsOf(certificationRequest, DER_TAG.sequence);
  if (info === undefined || algorithm === undefined || others.length > 0) throw new DerError("not three parts");
  const [version, subject, subjectPublicKeyInfo, attributes, ...more] = elementsOf(info, DER_TAG.sequence);
  if (subject === undefined || subjectPublicKeyInfo === undefined || more.length > 0)
    throw new DerError("not four parts");
  if (parseUnsignedInteger(version)[0] !== 0) throw new DerError("version is not 0");
  assertName(subject);
  assertPublicKeyInfo(subjectPublicKeyInfo);
  for (const attribute of elementsOf(attributes, ATTRIBUTES)) assertAttribute(attribute);
  return {
    info: info.bytes,
    subject: subject.bytes,
    subjectPublicKeyInfo: subjectPublicKeyInfo.bytes,
    signatureAlgorithm: () => asMalformed(() => parseCsrSignatureAlgorithm(algorithm)),
    signature: parseBitString(signature),
  };
}

/** The elements of a constructed element with this tag. */
function elementsOf(element: DerElement | undefined, tag: number): readonly DerElement[] {
  derContent(element, tag);
  return element === undefined ? [] : derChildren(element);
}

/** Name (RFC 5280 §4.1.2.4): a SEQUENCE of SETs, none empty, of type and value. */
function assertName(name: DerElement | undefined): void {
  for (const relativeName of elementsOf(name, DER_TAG.sequence)) {
    const attributes = elementsOf(relativeName, DER_TAG.set);
    if (attributes.length === 0) throw new DerError("empty relative distinguished name");
    for (const attribute of attributes) typeAndValue(attribute);
  }
}

/** Attribute (RFC 2986 §4.1): a type and a SET of values of any kind. */
function assertAttribute(attribute: DerElement): void {
  derContent(typeAndValue(attribute), DER_TAG.set);
}

/** SubjectPublicKeyInfo (RFC 5280 §4.1) in outline; the key policy reads it closely. */
function assertPublicKeyInfo(info: DerElement): void {
  const [algorithm, key] = elementsOf(info, DER_TAG.sequence);
  const [type] = elementsOf(algorithm, DER_TAG.sequence);
  parseObjectIdentifier(type);
  derContent(key, DER_TAG.bitString);
}

/** The second of the two elements, an OBJECT IDENTIFIER being the first. */
function typeAndValue(pair: DerElement): DerElement {
  const [type, value, ...others] = elementsOf(pair, DER_TAG.sequence);
  parseObjectIdentifier(type);
  if (value === undefined || others.length > 0) throw new DerError("not a type and a value");
  return value;
}

function asMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof DerError) throw new MayflyError("CSR_MALFORMED", cause.message, { cause });
    throw cause;
  }
}
