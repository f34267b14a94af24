import { X509Certificate } from "@sigstore/core";

/** Poison extension of precertificates (RFC 6962 §3.1). */
export const POISON = "1.3.6.1.4.1.11129.2.4.3";

/** Extension that holds the SCT list (RFC 6962 §3.3). */
export const SCT_LIST = "1.3.6.1.4.1.11129.2.4.2";

/**
 * The TBSCertificate a log signs (RFC 6962 §3.2): that of a certificate without one extension, encoded by sigstore-js, not
 * by code of ours.
 */
export function tbsWithoutExtension(certificate: Uint8Array, oid: string): Uint8Array {
  const clone = X509Certificate.parse(Buffer.from(certificate)).clone();
  const at = clone.extensions.findIndex((extension) => extension.subs[0]?.toOID() === oid);
  if (at < 0) throw new Error(`no extension ${oid}`);
  clone.extensions.splice(at, 1);
  return new Uint8Array(clone.tbsCertificate.toDER());
}

/** Value of one extension, without its OCTET STRING. */
export function extensionValue(certificate: Uint8Array, oid: string): Uint8Array {
  const parsed = X509Certificate.parse(Buffer.from(certificate));
  const extension = parsed.extensions.find(({ subs }) => subs[0]?.toOID() === oid);
  const value = extension?.subs.at(-1)?.value;
  if (value === undefined) throw new Error(`no extension ${oid}`);
  return new Uint8Array(value);
}
