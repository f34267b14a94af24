import { encodePem } from "../core/encoding/pem.ts";
import type { IssuedCertificate } from "../core/issuance-types.ts";

/** Media type of what the first version of the API answers with (RFC 8555 §9.1). */
export const PEM_CERTIFICATE_CHAIN = "application/pem-certificate-chain";

/** The answer to a signing call of the first version: PEM, the leaf, then its issuers, the root last; no final newline. */
export function encodePemCertificateChain({ leaf, chainPem }: IssuedCertificate): string {
  return [encodePem("CERTIFICATE", leaf), ...chainPem].join("\n");
}

/**
 * The first version's answer to whoever asks which CAs to trust: every chain behind the other, a blank line between
 * certificates and no final newline, as Fulcio gives here and only here.
 *
 * @param chains the CA chains to trust, PEM without final newlines
 */
export function encodePemTrustBundle(chains: readonly (readonly string[])[]): string {
  return chains.flat().join("\n\n");
}
