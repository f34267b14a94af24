/** DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2, note 1). */
const SHA256_PREFIX = Buffer.from("3031300d060960864801650304020105000420", "hex");

/** DER DigestInfo, which CKM_RSA_PKCS pads and signs as it is (RFC 8017 §9.2). */
export function digestInfo(sha256: Uint8Array): Uint8Array {
  return Buffer.concat([SHA256_PREFIX, sha256]);
}
