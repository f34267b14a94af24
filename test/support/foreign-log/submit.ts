import { ask } from "../ask.ts";
import type { SubmittedChain } from "./certificates.ts";

/** Submissions under way at once: a log answers all that its next checkpoint covers together. */
const AT_ONCE = 128;

/**
 * Submits certificates to a log (RFC 6962 §4.1, §4.2).
 *
 * @param url what comes before `/ct/v1/`
 */
export async function submitAll(url: string, chains: Iterator<SubmittedChain>): Promise<void> {
  const submitter = async (): Promise<void> => {
    for (let next = chains.next(); next.done !== true; next = chains.next()) await submit(url, next.value);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, submitter));
}

async function submit(url: string, { kind, chain }: SubmittedChain): Promise<void> {
  const endpoint = kind === "x509_entry" ? "add-chain" : "add-pre-chain";
  const body = JSON.stringify({ chain: chain.map((der) => Buffer.from(der).toString("base64")) });
  const answer = await ask(`${url}/ct/v1/${endpoint}`, { method: "POST", body });
  if (answer.status !== 200) throw new Error(`${endpoint}: ${String(answer.status)} ${answer.text}`);
}
