import { CertificationRequest as PkijsCertificationRequest } from "pkijs";
import { assertCanonicalDer } from "../encoding/canonical-der.ts";
import {
  derChildren,
  derContent,
  DerError,
  parseBitString,
  parseDer,
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
 * Subject, attributes and the extensions they ask for must be well formed, and are then ignored: a certificate says what
 * the token says. Nothing is verified here.
 *
 * @throws MayflyError `invalid_csr`
 */
export function parseCertificationRequest(csr: Uint8Array): CertificationRequest {
  if (csr.length > MAX_CSR_BYTES) throw new MayflyError("CSR_TOO_LONG", `CSR exceeds ${MAX_CSR_BYTES} bytes`);
  const der = decodeCsr(csr);
  return asMalformed(() => {
    assertCanonicalDer(der);
    assertSchema(der);
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

/** pkijs judges what is not read below, the subject's Name and the attributes. It tolerates BER, so it comes second. */
function assertSchema(der: Uint8Array): void {
  try {
    PkijsCertificationRequest.fromBER(Uint8Array.from(der));
  } catch (cause) {
    throw new MayflyError("CSR_MALFORMED", "not a PKCS#10 certification request", { cause });
  }
}

function readParts(certificationRequest: DerElement): CertificationRequest {
  const [info, algorithm, signature, ...others] = derChildren(certificationRequest);
  if (info === undefined || algorithm === undefined || others.length > 0) throw new DerError("not three parts");
  const [version, , subjectPublicKeyInfo, attributes, ...more] = derChildren(info);
  if (subjectPublicKeyInfo === undefined || more.length > 0) throw new DerError("not four parts");
  if (parseUnsignedInteger(version)[0] !== 0) throw new DerError("version is not 0");
  derContent(attributes, ATTRIBUTES);
  return {
    info: info.bytes,
    subjectPublicKeyInfo: subjectPublicKeyInfo.bytes,
    signatureAlgorithm: () => asMalformed(() => parseCsrSignatureAlgorithm(algorithm)),
    signature: parseBitString(signature),
  };
}

function asMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof DerError) throw new MayflyError("CSR_MALFORMED", cause.message, { cause });
    throw cause;
  }
}
