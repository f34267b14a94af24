import { appendFileSync } from "node:fs";
import process from "node:process";

/**
 * Keeps a line for the evidence of the long suite that runs (`docs/evidence/NAME.md`) and shows it as progress.
 * A line that begins with `|` is a row of a table; any other becomes an item of a list. Does nothing outside a long suite.
 *
 * @throws RangeError when the line is empty or has a line break
 */
export function recordEvidence(line: string): void {
  if (line === "" || /[\r\n]/u.test(line)) throw new RangeError("evidence is recorded line by line");
  const path = process.env["MAYFLY_EVIDENCE"];
  if (path === undefined) return;
  appendFileSync(path, `${line}\n`);
  process.stderr.write(`        ${line}\n`);
}

/** Keeps the version of a foreign tool for the head of the evidence, such as `recordVersion("Go", "1.26.8")`. */
export function recordVersion(tool: string, version: string): void {
  recordEvidence(`version: ${tool} ${version}`);
}
