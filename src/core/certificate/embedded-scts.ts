import { hash } from "node:crypto";
import { DER_TAG, derChildren, derContent, DerError, parseDer, type DerElement } from "../encoding/der-reader.ts";
import { contextTag, oid, sequence } from "../encoding/der-writer.ts";

const VERSION_TAG = 0xa0;
const EXTENSIONS_TAG = 0xa3;

/** extnID of the SCT list, as DER (RFC 6962 §3.3). */
const SCT_LIST_ID = oid("1.3.6.1.4.1.11129.2.4.2");

/** A certificate with embedded SCTs, taken apart as its log saw it. */
export interface EmbeddedScts {
  /** SignedCertificateTimestampList, the bytes inside both OCTET STRINGs. */
  readonly sctList: Uint8Array;
  /** DER TBSCertificate without the SCT list: what the log signed (RFC 6962 §3.2). All else is as it was. */
  readonly tbsCertificate: Uint8Array;
}

/**
 * Takes the SCT list out of a certificate (RFC 6962 §3.3).
 *
 * @param certificate DER Certificate
 * @returns undefined when it has no such extension
 * @throws DerError when it is no certificate, or has more than one such extension
 */
export function takeEmbeddedScts(certificate: Uint8Array): EmbeddedScts | undefined {
  const fields = tbsFields(certificate);
  const wrapper = fields.at(-1);
  if (wrapper?.tag !== EXTENSIONS_TAG) return undefined;
  const [list, ...others] = derChildren(wrapper);
  if (list?.tag !== DER_TAG.sequence || others.length > 0) throw new DerError("extensions are one SEQUENCE");
  const extensions = derChildren(list);
  const [extension, ...more] = extensions.filter(isSctList);
  if (extension === undefined) return undefined;
  if (more.length > 0) throw new DerError("a certificate has one SCT list");
  const kept = extensions.filter((one) => one !== extension).map(({ bytes }) => bytes);
  const before = fields.slice(0, -1).map(({ bytes }) => bytes);
  return {
    sctList: derContent(parseDer(valueOf(extension)), DER_TAG.octetString),
    // Without any extension the whole element goes (RFC 5280 §4.1: SIZE (1..MAX)).
    tbsCertificate: kept.length === 0 ? sequence(...before) : sequence(...before, contextTag(3, sequence(...kept))),
  };
}

/**
 * SHA-256 of a certificate's DER SubjectPublicKeyInfo, as it stands in it: the issuer_key_hash of what it issues (RFC 6962
 * §3.2).
 *
 * @throws DerError when it is no certificate
 */
export function publicKeyHash(certificate: Uint8Array): Uint8Array {
  const fields = tbsFields(certificate);
  const spki = fields[fields[0]?.tag === VERSION_TAG ? 6 : 5];
  if (spki?.tag !== DER_TAG.sequence) throw new DerError("a certificate without a SubjectPublicKeyInfo");
  return hash("sha256", spki.bytes, "buffer");
}

/** The elements of the TBSCertificate (RFC 5280 §4.1). */
function tbsFields(certificate: Uint8Array): readonly DerElement[] {
  const outer = parseDer(certificate);
  const [tbs, ...rest] = outer.tag === DER_TAG.sequence ? derChildren(outer) : [];
  if (tbs?.tag !== DER_TAG.sequence || rest.length !== 2) throw new DerError("no certificate");
  return derChildren(tbs);
}

function isSctList(extension: DerElement): boolean {
  const [id] = derChildren(extension);
  return id !== undefined && Buffer.compare(id.bytes, SCT_LIST_ID) === 0;
}

/** extnValue, the last element: `critical` may stand before it. */
function valueOf(extension: DerElement): Uint8Array {
  return derContent(derChildren(extension).at(-1), DER_TAG.octetString);
}
