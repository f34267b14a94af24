import { encodePem } from "../core/encoding/pem.ts";
import type { IssuedCertificate } from "../core/issuance-types.ts";

/** dev.sigstore.fulcio.v2.SigningCertificate with its oneof set to the embedded form, the only one there is here. */
export interface SigningCertificate {
  readonly signedCertificateEmbeddedSct: {
    /** PEM without final newlines: the leaf, then its issuers, the root last. */
    readonly chain: { readonly certificates: readonly string[] };
  };
}

/** The answer to a signing call; its JSON form has exactly one top-level member, which some clients insist on. */
export function buildSigningCertificate({ leaf, chainPem }: IssuedCertificate): SigningCertificate {
  const certificates = [encodePem("CERTIFICATE", leaf), ...chainPem];
  return { signedCertificateEmbeddedSct: { chain: { certificates } } };
}
