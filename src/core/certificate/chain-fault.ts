import { MayflyError } from "../errors.ts";

/** Rules of docs/certificate-profile.md §5 for each certificate by itself. */
export type CertificateRule =
  | "certificate-form"
  | "common-name"
  | "signature-algorithm"
  | "extensions"
  | "basic-constraints"
  | "key-usage"
  | "subject-key-identifier"
  | "authority-key-identifier"
  | "ext-key-usage"
  | "ca-key"
  | "validity-form";

/** Rules of the same section for certificates as a chain. */
export type ChainRule =
  "chain-order" | "chain-signature" | "self-signed-root" | "path-length" | "distinct-names" | "valid-now";

/** One rule that a certificate breaks by itself. */
export interface CertificateFault {
  readonly rule: CertificateRule | ChainRule;
  /** What is wrong, for operators; the certificate is "it", or counted from 1. */
  readonly what: string;
}

/** One rule that a chain breaks. */
export interface ChainFault extends CertificateFault {
  readonly reason: "CHAIN_INVALID" | "CA_EXPIRED";
  /** Place of the certificate in the chain, from 0; undefined where it is about all of them. */
  readonly at: number | undefined;
}

/** What `read` refuses, as the fault of a rule; nothing when it reads. */
export function faultOf(rule: CertificateRule, read: () => unknown): readonly CertificateFault[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof MayflyError)) throw error;
    return [{ rule, what: error.message }];
  }
}
