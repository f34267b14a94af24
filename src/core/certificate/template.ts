import type { FulcioExtensions, SubjectAltName } from "../identity/principal.ts";
import type { ProvenKey } from "../proof/public-key.ts";
import type { IssuerChain } from "./issuer-chain.ts";

/**
 * Everything a leaf will say, before any byte is encoded (docs/certificate-profile.md). The precertificate, the logged
 * TBS and the final certificate are three encodings of one such value.
 */
export interface CertificateTemplate {
  /** 20 octets, big-endian; first bit clear, not zero (RFC 5280 §4.1.2.2). */
  readonly serialNumber: Uint8Array;
  readonly issuer: IssuerChain;
  /** Whole seconds, in milliseconds since the Unix epoch. */
  readonly notBeforeMs: number;
  /** Whole seconds, in milliseconds; the certificate is valid up to and including this second (RFC 5280 §4.1.2.5). */
  readonly notAfterMs: number;
  readonly key: ProvenKey;
  readonly subjectAltName: SubjectAltName;
  readonly extensions: FulcioExtensions;
}

declare const linted: unique symbol;

/** A template that every profile rule accepted: only `lintTemplate` makes one, and signers are given nothing else. */
export type LintedTemplate = CertificateTemplate & { readonly [linted]: true };
