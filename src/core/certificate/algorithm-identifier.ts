import { nullValue, oid, sequence } from "../encoding/der-writer.ts";
import type { SignatureAlgorithm } from "./algorithms.ts";

/**
 * DER AlgorithmIdentifier of each signature algorithm, as it stands inside and outside a TBSCertificate
 * (RFC 5280 §4.1.1.2). Parameters are absent for ECDSA (RFC 5758 §3.2) and Ed25519 (RFC 8410 §3), NULL for RSA
 * (RFC 4055 §5).
 */
export const SIGNATURE_ALGORITHM_IDENTIFIER: Readonly<Record<SignatureAlgorithm, Uint8Array>> = {
  "ecdsa-p256-sha256": sequence(oid("1.2.840.10045.4.3.2")),
  "ecdsa-p384-sha384": sequence(oid("1.2.840.10045.4.3.3")),
  "ecdsa-p521-sha512": sequence(oid("1.2.840.10045.4.3.4")),
  "rsa-pkcs1-sha256": sequence(oid("1.2.840.113549.1.1.11"), nullValue()),
  ed25519: sequence(oid("1.3.101.112")),
};
