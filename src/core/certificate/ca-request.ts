import { createPublicKey, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { DER_TAG, derChildren, parseDer, parseObjectIdentifier } from "../encoding/der-reader.ts";
import type { DerElement } from "../encoding/der-reader.ts";
import { bitString, contextTag, integer, sequence } from "../encoding/der-writer.ts";
import { MayflyError } from "../errors.ts";
import { parseCertificationRequest } from "../proof/csr.ts";
import type { CsrSignatureAlgorithm } from "../proof/csr-signature-algorithm.ts";
import { SIGNATURE_ALGORITHM_IDENTIFIER } from "./algorithm-identifier.ts";
import type { SignatureAlgorithm } from "./algorithms.ts";
import { encodeCaName } from "./ca-certificate.ts";
import type { CaIdentity, CaName } from "./ca-certificate.ts";
import { signatureAlgorithmOf } from "./read-ca-certificate.ts";

/** An issuing CA that asks for its certificate, and has shown that it holds its key. */
export interface CaRequest extends CaIdentity {
  readonly signatureAlgorithm: SignatureAlgorithm;
}

/**
 * CertificationRequestInfo (RFC 2986 §4.1) of a CA without attributes: what its certificate says beside name and key is for
 * the one who signs it to decide.
 *
 * @returns DER, to be signed by the CA's own key and closed by {@link encodeCaRequest}
 */
export function encodeCaRequestInfo({ name, subjectPublicKeyInfo }: CaIdentity): Uint8Array {
  return sequence(integer(Uint8Array.of(0)), encodeCaName(name), subjectPublicKeyInfo, contextTag(0));
}

/** DER CertificationRequest (RFC 2986 §4.2) of what was signed and the signature over it. */
export function encodeCaRequest(info: Uint8Array, algorithm: SignatureAlgorithm, signature: Uint8Array): Uint8Array {
  return sequence(info, SIGNATURE_ALGORITHM_IDENTIFIER[algorithm], bitString(signature));
}

/**
 * Reads the certification request of a CA: canonical DER in one PEM block, signed by the key in it, which a CA may have, with O
 * and CN as its name. Attributes are ignored.
 *
 * @throws MayflyError `invalid_csr`, `invalid_proof` (CSR_SIGNATURE_INVALID), `algorithm_not_permitted`, or `profile_violation`
 *   (CHAIN_INVALID) for a key or a name that no CA has
 */
export function readCaRequest(pem: Uint8Array): CaRequest {
  const request = parseCertificationRequest(pem);
  const subjectPublicKeyInfo = Uint8Array.from(request.subjectPublicKeyInfo);
  const key = importKey(subjectPublicKeyInfo);
  const signatureAlgorithm = signatureAlgorithmOf(subjectPublicKeyInfo, key);
  const signed = request.signatureAlgorithm();
  if (!isOfKey(signed, key) || !verify(signed.digest, request.info, key, request.signature)) {
    throw new MayflyError("CSR_SIGNATURE_INVALID", "the request is not signed by the key in it");
  }
  return { name: readName(request.subject), subjectPublicKeyInfo, signatureAlgorithm };
}

function importKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch (cause) {
    throw new MayflyError("CSR_MALFORMED", "the key in the request cannot be read", { cause });
  }
}

function isOfKey({ keyType }: CsrSignatureAlgorithm, { asymmetricKeyType }: KeyObject): boolean {
  return keyType === (asymmetricKeyType === "ec" ? "ecdsa" : asymmetricKeyType);
}

const ATTRIBUTES = { organization: "2.5.4.10", commonName: "2.5.4.3" } as const;
/** Upper bounds of both (RFC 5280 appendix A.1). */
const MAX_LENGTH = 64;

/** A Name of O and CN, in this order, each once: others could say what nobody compared. */
function readName(subject: Uint8Array): CaName {
  const relativeNames = derChildren(parseDer(subject)).map(derChildren);
  const [organization, commonName, ...more] = relativeNames.map(([attribute, ...others]) => {
    if (attribute === undefined || others.length > 0) return undefined;
    const [type, value] = derChildren(attribute);
    return { type: parseObjectIdentifier(type), text: value === undefined ? undefined : readText(value) };
  });
  const isInOrder = organization?.type === ATTRIBUTES.organization && commonName?.type === ATTRIBUTES.commonName;
  if (!isInOrder || more.length > 0 || organization.text === undefined || commonName.text === undefined) {
    throw new MayflyError(
      "CHAIN_INVALID",
      "the subject of the request is not O and CN, in this order and nothing else",
    );
  }
  return { organization: organization.text, commonName: commonName.text };
}

function readText({ tag, content }: DerElement): string | undefined {
  if (tag !== DER_TAG.utf8String && tag !== DER_TAG.printableString) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
    const isName = text.length <= MAX_LENGTH && /^[^\p{Cc}\s](?:[^\p{Cc}]*[^\p{Cc}\s])?$/u.test(text);
    return isName ? text : undefined;
  } catch (cause) {
    throw new MayflyError("CHAIN_INVALID", "the subject of the request is not UTF-8", { cause });
  }
}
