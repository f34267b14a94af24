import { assertCorrespond } from "../core/certificate/correspond.ts";
import { encodeCertificate, encodeTbs, encodeTemplate } from "../core/certificate/encode-tbs.ts";
import type { LintedTemplate } from "../core/certificate/template.ts";
import { encodeSctList } from "../core/ct/sct.ts";
import type { SignedCertificateTimestamp } from "../core/ct/sct.ts";
import { MayflyError } from "../core/errors.ts";
import type { Precertificate } from "../core/issuance-types.ts";
import type { Signer } from "../ports/signer.ts";

/**
 * Signs the template with the poison extension (RFC 6962 §3.1), by the key that will sign the certificate too.
 *
 * @throws MayflyError `signer_failed` or `signer_unavailable`
 */
export async function signPrecertificate(template: LintedTemplate, signer: Signer): Promise<Precertificate> {
  const encoded = encodeTemplate(template);
  const tbs = encodeTbs(encoded, { kind: "poison" });
  const der = encodeCertificate(tbs, signer.algorithm, await signer.sign(tbs));
  return { encoded, tbs, der };
}

/**
 * Signs the certificate that a precertificate promised, with its SCT inside (RFC 6962 §3.3). The correspondence of the
 * two is checked on the bytes before the key is asked: a certificate that differs from its log entry is never signed.
 *
 * @returns DER of the certificate
 * @throws MayflyError `profile_violation`, `signer_failed` or `signer_unavailable`
 */
export async function signCertificate(
  precertificate: Precertificate,
  sct: SignedCertificateTimestamp,
  signer: Signer,
): Promise<Uint8Array> {
  const { encoded } = precertificate;
  const { template } = encoded;
  // notAfter is inclusive: the certificate is valid to the end of that second (RFC 5280 §4.1.2.5).
  if (sct.timestampMs < template.notBeforeMs || sct.timestampMs >= template.notAfterMs + 1000) {
    throw new MayflyError("SCT_OUTSIDE_VALIDITY", "the log's timestamp lies outside the certificate's validity");
  }
  const tbs = encodeTbs(encoded, { kind: "sct-list", list: encodeSctList([sct]) });
  assertCorrespond(precertificate.tbs, tbs);
  return encodeCertificate(tbs, signer.algorithm, await signer.sign(tbs, "finishing"));
}
