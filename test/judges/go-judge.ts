import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { goToolPath, type GoTool } from "../support/go-tool.ts";
import type { JudgedCertificate } from "./issue-case.ts";
import type { Judgement } from "./judge.ts";

/** Go's crypto/x509 and certificate-transparency-go. */
export const GO_JUDGE: GoTool = { name: "judge", folder: "tools/judge" };

/** What it looks at of a certificate. */
export type GoQuestion = Pick<JudgedCertificate, "leaf" | "precertificate" | "chain" | "logKey" | "loggedTbs">;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function question({ leaf, precertificate, chain, logKey, loggedTbs }: GoQuestion): string {
  const parts = { leaf: base64(leaf), precertificate: base64(precertificate), chain: chain.map(base64) };
  return `${JSON.stringify({ ...parts, logKey: base64(logKey), loggedTbs: base64(loggedTbs) })}\n`;
}

/**
 * Go's crypto/x509 for the certificate and its chain at both ends of the validity and just beyond them, and
 * certificate-transparency-go for the SCT and for both TBSCertificates encoded again.
 */
export async function goJudge(certificates: readonly GoQuestion[]): Promise<readonly Judgement[]> {
  const child = spawn(goToolPath(GO_JUDGE), { stdio: ["pipe", "pipe", "inherit"] });
  const judgements: Judgement[] = [];
  const answers = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      const { facts, faults } = JSON.parse(line) as { facts: Judgement["facts"] | null; faults: string[] | null };
      judgements.push({ facts: facts ?? {}, faults: faults ?? [] });
    }
  })();
  for (const certificate of certificates) {
    if (!child.stdin.write(question(certificate))) await new Promise((drained) => child.stdin.once("drain", drained));
  }
  child.stdin.end();
  await answers;
  return judgements;
}
