/**
 * A process that issues drawn cases and tells on standard output what came of each, one JSON line per case:
 * `{ at, refused }` or `{ at, leaf, precertificate, loggedTbs, chain }` with bytes in base64. Its task comes on standard
 * input: `{ keys, choice, seed, count }`.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { drawCases, type KeyChoice } from "./certificate-cases.ts";
import { CaseIssuer, type KeyRing } from "./issue-case.ts";

const task = JSON.parse(readFileSync(0, "utf8")) as { keys: KeyRing; choice: KeyChoice; seed: number; count: number };
const issuer = new CaseIssuer(task.keys);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

for (const [at, from] of drawCases(task.choice, task).entries()) {
  try {
    const { leaf, precertificate, loggedTbs, chain } = await issuer.issue(from);
    const bytes = { leaf: base64(leaf), precertificate: base64(precertificate), loggedTbs: base64(loggedTbs) };
    process.stdout.write(`${JSON.stringify({ at, ...bytes, chain: chain.map(base64) })}\n`);
  } catch (error) {
    process.stdout.write(
      `${JSON.stringify({ at, refused: error instanceof Error ? error.message : String(error) })}\n`,
    );
  }
}
