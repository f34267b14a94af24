import type { CertificateFacts } from "./facts.ts";
import type { JudgedCertificate } from "./issue-case.ts";

/** What a judge makes of one certificate: what it read, as far as it tells, and what it finds wrong. */
export interface Judgement {
  readonly facts: Partial<CertificateFacts>;
  readonly faults: readonly string[];
}

/** Somebody else's code that reads and verifies certificates; one judgement each, in the same order. */
export type Judge = (certificates: readonly JudgedCertificate[]) => Promise<readonly Judgement[]>;

/** Everything that a judge has against certificates, each line with the number of the certificate that it is about. */
export async function objections(judge: Judge, certificates: readonly JudgedCertificate[]): Promise<readonly string[]> {
  const judgements = await judge(certificates);
  if (judgements.length !== certificates.length) throw new TypeError("a judge left certificates out");
  return certificates.flatMap((certificate, at) => {
    const { facts, faults } = judgements[at]!;
    const differences = Object.entries(facts)
      .map(([name, read]) => [name, JSON.stringify(read), JSON.stringify(intended(certificate, name))] as const)
      .filter(([, read, meant]) => read !== meant)
      .map(([name, read, meant]) => `${name} is ${read}, not ${meant}`);
    return [...faults, ...differences].map((objection) => `${at}: ${objection}`);
  });
}

function intended({ facts }: JudgedCertificate, name: string): unknown {
  return facts[name as keyof CertificateFacts];
}
