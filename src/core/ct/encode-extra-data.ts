import { PresentationWriter } from "../encoding/tls-presentation.ts";

/*
 * RFC 6962 §3.1, what `get-entries` answers as extra_data (§4.6):
 *
 *   struct {
 *     ASN.1Cert leaf_certificate;
 *     ASN.1Cert certificate_chain<0..2^24-1>;
 *   } X509ChainEntry;                          -- extra_data is certificate_chain alone
 *
 *   struct {
 *     ASN.1Cert pre_certificate;
 *     ASN.1Cert precertificate_chain<0..2^24-1>;
 *   } PrecertChainEntry;                       -- extra_data is all of it
 */

/**
 * extra_data of an entry (RFC 6962 §4.6): what the log keeps of a submission beside its MerkleTreeLeaf.
 *
 * @param preCertificate DER; undefined for an x509_entry, whose certificate is in the MerkleTreeLeaf
 * @param chain DER of the certificates above the leaf, issuing CA first and root last
 * @throws RangeError when a field does not fit its structure
 */
export function encodeExtraData(preCertificate: Uint8Array | undefined, chain: readonly Uint8Array[]): Uint8Array {
  const chainLength = chain.reduce((sum, { length }) => sum + 3 + length, 0);
  const writer = new PresentationWriter(
    (preCertificate === undefined ? 0 : 3 + preCertificate.length) + 3 + chainLength,
  );
  if (preCertificate !== undefined) writer.vec24(preCertificate);
  writer.u24(chainLength);
  for (const certificate of chain) writer.vec24(certificate);
  return writer.finish();
}
