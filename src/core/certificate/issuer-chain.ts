import type { SignatureAlgorithm } from "./algorithms.ts";

/** The issuing CA and what is above it, checked once when it is loaded and precomputed for every issuance. */
export interface IssuerChain {
  /** DER, issuing CA first, self-signed root last; a lone root signs leaves itself. */
  readonly certificates: readonly Uint8Array[];
  /** The same certificates as PEM without a final newline. */
  readonly pem: readonly string[];
  /** SHA-256 of each certificate, in the same order (C2SP static-ct-api: chain fingerprints). */
  readonly fingerprints: readonly Uint8Array[];
  /** DER Name of the issuing CA's subject, copied byte for byte. */
  readonly subjectName: Uint8Array;
  /** DER SubjectPublicKeyInfo of the issuing CA. */
  readonly subjectPublicKeyInfo: Uint8Array;
  /** SHA-256 of `subjectPublicKeyInfo`: the issuer key hash of RFC 6962 §3.2. */
  readonly issuerKeyHash: Uint8Array;
  /** keyIdentifier of the issuing CA's subjectKeyIdentifier extension. */
  readonly subjectKeyIdentifier: Uint8Array;
  /** How this CA signs leaves. */
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** The latest notBefore and the earliest notAfter of the chain, milliseconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}
