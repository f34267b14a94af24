import { derChildren, parseDer } from "../encoding/der-reader.ts";
import { bitString, contextTag, integer, sequence, utcOrGeneralizedTime } from "../encoding/der-writer.ts";
import { SIGNATURE_ALGORITHM_IDENTIFIER } from "./algorithm-identifier.ts";
import type { SignatureAlgorithm } from "./algorithms.ts";
import { encodeAuthorityKeyIdentifier } from "./extensions/authority-key-identifier.ts";
import { CODE_SIGNING_ONLY } from "./extensions/ext-key-usage.ts";
import { encodeFulcioExtensions } from "./extensions/fulcio.ts";
import { LEAF_KEY_USAGE } from "./extensions/key-usage.ts";
import type { LastExtension } from "./extensions/last-extension.ts";
import { encodeLastExtension } from "./extensions/last-extension.ts";
import { encodeSubjectAltName } from "./extensions/subject-alt-name.ts";
import { encodeSubjectKeyIdentifier, keyIdentifier } from "./extensions/subject-key-identifier.ts";
import { lintThat } from "./lint-failure.ts";
import { lintTbs } from "./lint-tbs.ts";
import type { LintedTemplate } from "./template.ts";

declare const encoded: unique symbol;

/** A linted template and what its three encodings share, byte for byte: only `encodeTemplate` makes one. */
export interface EncodedTemplate {
  readonly template: LintedTemplate;
  /** version to subjectPublicKeyInfo. */
  readonly fields: Uint8Array;
  /** The extensions without the last one. */
  readonly extensions: Uint8Array;
  readonly [encoded]: true;
}

const VERSION_3 = contextTag(0, integer(Uint8Array.of(2)));
const EMPTY_NAME = sequence();
const NOTHING = new Uint8Array(0);

/** Encodes all that a template says, once: whatever happens to the value later, the three encodings stay equal. */
export function encodeTemplate(template: LintedTemplate): EncodedTemplate {
  // The one place that makes an EncodedTemplate.
  return { template, fields: encodeFields(template), extensions: encodeCommonExtensions(template) } as EncodedTemplate;
}

/**
 * DER TBSCertificate of a leaf (RFC 5280 §4.1.2, docs/certificate-profile.md). The precertificate's is read back and
 * judged by `lintTbs` before anyone can sign it; the certificate's is compared with it by `assertCorrespond`.
 *
 * @throws MayflyError `profile_violation` (LINT) when the bytes are not what the template says
 */
export function encodeTbs({ template, fields, extensions }: EncodedTemplate, last: LastExtension): Uint8Array {
  const all = sequence(extensions, encodeLastExtension(last));
  const tbs = sequence(fields, contextTag(3, all));
  return last.kind === "poison" ? lintTbs(tbs, template, last.kind) : tbs;
}

function encodeFields({ serialNumber, issuer, notBeforeMs, notAfterMs, key }: LintedTemplate): Uint8Array {
  return Buffer.concat([
    VERSION_3,
    integer(serialNumber),
    SIGNATURE_ALGORITHM_IDENTIFIER[issuer.signatureAlgorithm],
    issuer.subjectName,
    sequence(utcOrGeneralizedTime(notBeforeMs), utcOrGeneralizedTime(notAfterMs)),
    EMPTY_NAME,
    key.spki,
  ]);
}

function encodeCommonExtensions({ key, issuer, subjectAltName, extensions }: LintedTemplate): Uint8Array {
  return Buffer.concat([
    LEAF_KEY_USAGE,
    CODE_SIGNING_ONLY,
    encodeSubjectKeyIdentifier(keyIdentifier(key.spki)),
    encodeAuthorityKeyIdentifier(issuer.subjectKeyIdentifier),
    encodeSubjectAltName(subjectAltName),
    encodeFulcioExtensions(extensions),
  ]);
}

/** Where a TBSCertificate says how it is signed, after version and serialNumber (RFC 5280 §4.1). */
const SIGNATURE_FIELD = 2;

/**
 * DER Certificate (RFC 5280 §4.1) of a TBSCertificate and the signature over it.
 *
 * @param signatureAlgorithm how the issuer signed
 * @param signature as the issuer's `Signer` gave it: DER Ecdsa-Sig-Value or RSA octets
 * @throws MayflyError `profile_violation` (LINT) unless `tbs` names the same algorithm (RFC 5280 §4.1.1.2)
 * @throws DerError when `tbs` is no TBSCertificate
 */
export function encodeCertificate(
  tbs: Uint8Array,
  signatureAlgorithm: SignatureAlgorithm,
  signature: Uint8Array,
): Uint8Array {
  const algorithm = SIGNATURE_ALGORITHM_IDENTIFIER[signatureAlgorithm];
  const named = derChildren(parseDer(tbs))[SIGNATURE_FIELD]?.bytes ?? NOTHING;
  lintThat(Buffer.compare(named, algorithm) === 0, "signature-algorithm", "the TBS names another than the signer's");
  return sequence(tbs, algorithm, bitString(signature));
}
