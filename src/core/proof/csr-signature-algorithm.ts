import { derChildren, derContent, DER_TAG, DerError, parseObjectIdentifier } from "../encoding/der-reader.ts";
import type { DerElement } from "../encoding/der-reader.ts";
import { MayflyError } from "../errors.ts";
import type { ProofDigest } from "./client-signing-algorithm.ts";

/** How a certification request says it was signed. */
export interface CsrSignatureAlgorithm {
  /** The key types that can sign so: what a `KeyAlgorithm` starts with. */
  readonly keyType: "ecdsa" | "rsa" | "ed25519";
  readonly digest: ProofDigest;
}

/** RFC 5758 §3.2, RFC 8017 §A.2.4, RFC 8410 §3. */
const RECOGNIZED: ReadonlyMap<string, CsrSignatureAlgorithm> = new Map<string, CsrSignatureAlgorithm>([
  ["1.2.840.10045.4.3.2", { keyType: "ecdsa", digest: "sha256" }],
  ["1.2.840.10045.4.3.3", { keyType: "ecdsa", digest: "sha384" }],
  ["1.2.840.10045.4.3.4", { keyType: "ecdsa", digest: "sha512" }],
  ["1.2.840.113549.1.1.11", { keyType: "rsa", digest: "sha256" }],
  ["1.2.840.113549.1.1.12", { keyType: "rsa", digest: "sha384" }],
  ["1.2.840.113549.1.1.13", { keyType: "rsa", digest: "sha512" }],
  ["1.3.101.112", { keyType: "ed25519", digest: null }],
]);

/** Names that Go's crypto/x509 prints for what is known but refused; anything else is its number 0. */
const REFUSED_NAMES: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.1.1.2", "MD2-RSA"],
  ["1.2.840.113549.1.1.4", "MD5-RSA"],
  ["1.2.840.113549.1.1.5", "SHA1-RSA"],
  ["1.3.14.3.2.29", "SHA1-RSA"],
  ["1.2.840.10040.4.3", "DSA-SHA1"],
  ["2.16.840.1.101.3.4.3.2", "DSA-SHA256"],
  ["1.2.840.10045.4.1", "ECDSA-SHA1"],
]);

const RSASSA_PSS = "1.2.840.113549.1.1.10";
const PSS_NAMES: ReadonlyMap<string, string> = new Map([
  ["2.16.840.1.101.3.4.2.1", "SHA256-RSAPSS"],
  ["2.16.840.1.101.3.4.2.2", "SHA384-RSAPSS"],
  ["2.16.840.1.101.3.4.2.3", "SHA512-RSAPSS"],
]);

/**
 * Reads the AlgorithmIdentifier of a certification request's signature (RFC 5280 §4.1.1.2). Parameters are absent; for
 * RSA they may be NULL as well (RFC 4055 §5).
 *
 * @throws MayflyError `algorithm_not_permitted` (CSR_ALGORITHM_UNRECOGNIZED) for an algorithm that is not accepted
 * @throws DerError for a structure or parameters that the algorithm does not have
 */
export function parseCsrSignatureAlgorithm(identifier: DerElement): CsrSignatureAlgorithm {
  derContent(identifier, DER_TAG.sequence);
  const [algorithm, parameters, ...others] = derChildren(identifier);
  const oid = parseObjectIdentifier(algorithm);
  const recognized = RECOGNIZED.get(oid);
  if (recognized === undefined) {
    const publicMessage = `unrecognized signature algorithm: ${goName(oid, parameters)}`;
    throw new MayflyError("CSR_ALGORITHM_UNRECOGNIZED", `CSR signature algorithm ${oid}`, { publicMessage });
  }
  const allowed = parameters === undefined || (recognized.keyType === "rsa" && parameters.tag === DER_TAG.null);
  if (!allowed || others.length > 0) throw new DerError("signature algorithm has parameters it must not have");
  return recognized;
}

function goName(oid: string, parameters: DerElement | undefined): string {
  if (oid === RSASSA_PSS && parameters !== undefined) return pssName(parameters);
  return REFUSED_NAMES.get(oid) ?? "0";
}

/** By hashAlgorithm, the first field of RSASSA-PSS-params (RFC 8017 §A.2.3). */
function pssName(parameters: DerElement): string {
  derContent(parameters, DER_TAG.sequence);
  const [field] = derChildren(parameters);
  if (field?.tag !== 0xa0) return "0";
  const [identifier] = derChildren(field);
  derContent(identifier, DER_TAG.sequence);
  const [oid] = identifier === undefined ? [] : derChildren(identifier);
  return PSS_NAMES.get(parseObjectIdentifier(oid)) ?? "0";
}
