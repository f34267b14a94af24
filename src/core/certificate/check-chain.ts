import { MayflyError } from "../errors.ts";
import { adviseOnChain } from "./chain-advice.ts";
import type { AdviceRule, LeafTimes } from "./chain-advice.ts";
import type { CertificateFault, CertificateRule, ChainRule } from "./chain-fault.ts";
import { parseIssuerChain, readChainFile } from "./issuer-chain.ts";
import type { IssuerChain } from "./issuer-chain.ts";
import type { CaCertificate } from "./read-ca-certificate.ts";
import { caCertificateFaults, readCaCertificate } from "./read-ca-certificate.ts";
import { chainFaults, nth } from "./verify-chain.ts";

/** Every rule that a chain file can break. */
export type ChainFileRule = "chain-file" | CertificateRule | ChainRule | AdviceRule;

/** One rule that a chain file breaks. */
export interface ChainFinding {
  readonly rule: ChainFileRule;
  /** What is wrong, for operators; certificates are counted from 1. */
  readonly what: string;
}

/** A chain file, judged. */
export interface CheckedChain {
  /** Those that could be read, issuing CA first. */
  readonly certificates: readonly CaCertificate[];
  readonly findings: readonly ChainFinding[];
  /** The chain as issuance takes it; undefined when it would be refused. */
  readonly chain: IssuerChain | undefined;
}

/**
 * Judges a chain file by every rule of docs/certificate-profile.md §5, where {@link parseIssuerChain} stops at the first.
 *
 * @param pem the file's contents
 */
export function checkChain(pem: string | Uint8Array, leaf: LeafTimes): CheckedChain {
  const ders = orFinding(() => readChainFile(pem));
  if ("finding" in ders) return { certificates: [], findings: [ders.finding], chain: undefined };
  const read = ders.value.map(readOne);
  const certificates = read.flatMap(({ certificate }) => (certificate === undefined ? [] : [certificate]));
  const faults = [
    ...chainFaults(
      read.map(({ certificate }) => certificate),
      leaf.nowMs,
    ),
  ];
  // Advice depends on places, which only a chain that holds together has.
  const isWhole = certificates.length === read.length && faults.every(({ reason }) => reason === "CA_EXPIRED");
  const findings: ChainFinding[] = [
    ...read.flatMap((one, at) => one.faults.map(({ rule, what }) => ({ rule, what: `${nth(at)}: ${what}` }))),
    ...[...faults, ...(isWhole ? adviseOnChain(certificates, leaf) : [])].map(({ rule, what }) => ({ rule, what })),
  ];
  // What issuance itself says has the last word: nothing may look good here that it refuses.
  const chain = orFinding(() => parseIssuerChain(pem, leaf.nowMs));
  if ("value" in chain) return { certificates, findings, chain: chain.value };
  const isExplained = findings.some(({ what }) => what === chain.finding.what);
  return { certificates, findings: isExplained ? findings : [chain.finding, ...findings], chain: undefined };
}

interface ReadOne {
  readonly certificate: CaCertificate | undefined;
  readonly faults: readonly CertificateFault[];
}

function readOne(der: Uint8Array): ReadOne {
  const faults = caCertificateFaults(der);
  return { certificate: faults.length > 0 ? undefined : readCaCertificate(der), faults };
}

function orFinding<T>(read: () => T): { readonly value: T } | { readonly finding: ChainFinding } {
  try {
    return { value: read() };
  } catch (error) {
    if (!(error instanceof MayflyError)) throw error;
    return { finding: { rule: "chain-file", what: error.message } };
  }
}
