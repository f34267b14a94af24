/** A v1 SCT by an ECDSA P-256 log key with SHA-256 (RFC 6962 §3.2), the only kind Mayfly embeds. */
export interface SignedCertificateTimestamp {
  /** SHA-256 of the log's SubjectPublicKeyInfo, 32 bytes. */
  readonly logId: Uint8Array;
  readonly timestampMs: number;
  /** CtExtensions, the bytes without their outer length. */
  readonly extensions: Uint8Array;
  /** From the leaf_index extension (C2SP static-ct-api), when there is one. */
  readonly leafIndex?: number;
  /** DER Ecdsa-Sig-Value. */
  readonly signature: Uint8Array;
}
