// What a jest report says, counted the way this project counts: a skip needs its reason, a file that cannot run has failed.
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";

/** The files of a report that jest wrote with `--json`; none when it ended before it wrote one. */
export function readReport(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).testResults : [];
}

/** Totals over the files of a report, the titles of excused skips, and a text for each failure. */
export function countTests(files) {
  const counted = { passed: 0, failed: 0, skips: [], texts: [] };
  for (const file of files) {
    const { assertionResults, message, name, status } = file;
    // A file that could not run at all counts as one failed test.
    if (status === "failed" && !assertionResults.some((test) => test.status === "failed")) counted.failed += 1;
    if (message.trim() !== "") counted.texts.push(`${relative(process.cwd(), name)}\n${message.trimEnd()}`);
    for (const test of assertionResults) {
      if (test.status === "passed") counted.passed += 1;
      else if (test.status === "failed") counted.failed += 1;
      // A skip must say why; this also catches a forgotten `.only`, which makes jest skip its neighbours.
      else if (/\(skipped: [^)]+\)/u.test(test.fullName)) counted.skips.push(test.fullName);
      else {
        counted.failed += 1;
        counted.texts.push(`skipped without "(skipped: reason)" in its title: ${test.fullName}`);
      }
    }
  }
  return counted;
}
