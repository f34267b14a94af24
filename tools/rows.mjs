// `npm run rows`: which rows of the catalogue of inputs (test/rows) are covered by a test, which wait and for what, and
// which do not apply and why. Fails for a row that should be covered and is not, and for an id that no row has.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { readReport } from "./jest-report.mjs";

/** The ids in a test's name, in square brackets: letters, a number, and a small letter where a row is in parts. */
const ID = /\[((?:CL|FC|FE|[A-V])\d+[b-z]?)\]/gu;

/** The rows of the project in the current directory. */
export async function loadCatalogue() {
  const { catalogue } = await import(pathToFileURL(resolve("test/rows/catalogue.ts")).href);
  return catalogue;
}

/**
 * Holds rows against the tests of a jest report (`testResults[].assertionResults[]`). A row is covered when a test with
 * its id passed and none failed; a test that was skipped proves nothing.
 */
export function judgeRows(rows, tests) {
  const outcomes = new Map();
  for (const { fullName, status } of tests) {
    for (const [, id] of fullName.matchAll(ID)) {
      const outcome = outcomes.get(id) ?? { passed: 0, failed: 0, firstName: fullName };
      if (status === "passed") outcome.passed += 1;
      if (status === "failed") outcome.failed += 1;
      outcomes.set(id, outcome);
    }
  }
  const known = new Set(rows.map(({ id }) => id));
  const waits = rows.filter((row) => row.waits !== undefined);
  const appliesNot = rows.filter((row) => row.appliesNot !== undefined);
  const due = rows.filter((row) => row.waits === undefined && row.appliesNot === undefined);
  const isCovered = ({ id }) => outcomes.get(id)?.passed > 0 && outcomes.get(id).failed === 0;
  return {
    covered: due.filter(isCovered),
    waits,
    appliesNot,
    uncovered: due
      .filter((row) => !isCovered(row))
      .map((row) => ({ ...row, note: outcomes.get(row.id)?.failed > 0 ? " (its test fails)" : "" })),
    unknown: [...outcomes].filter(([id]) => !known.has(id)).map(([id, { firstName }]) => ({ id, firstName })),
  };
}

/** The verdict's numbers, in one line. */
export function summarizeRows({ covered, waits, appliesNot, uncovered, unknown }) {
  return (
    `rows: ${covered.length} covered, ${waits.length} wait, ${appliesNot.length} do not apply, ` +
    `${uncovered.length} uncovered, ${unknown.length} unknown`
  );
}

/** What is wrong, a line for each fault; none when all is well. */
export function listFaults({ uncovered, unknown }) {
  return [
    ...uncovered.map(({ id, says, note }) => `UNCOVERED  ${id}  ${says}${note}`),
    ...unknown.map(({ id, firstName }) => `UNKNOWN  ${id}  in the name of "${firstName}"`),
  ];
}

function print(verdict) {
  console.log(`covered\n  ${verdict.covered.map(({ id }) => id).join(" ")}`);
  for (const [feature, rows] of Object.entries(Object.groupBy(verdict.waits, ({ waits }) => waits))) {
    console.log(`\nwait for: ${feature}`);
    for (const { id, says } of rows) console.log(`  ${id}  ${says}`);
  }
  console.log("\ndo not apply");
  for (const { id, says, appliesNot } of verdict.appliesNot) console.log(`  ${id}  ${says}: ${appliesNot}`);
  console.log(["", ...listFaults(verdict), summarizeRows(verdict)].join("\n"));
}

/** Runs the tests that name a row, and those only. */
function runTests() {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-rows-"));
  const report = join(folder, "jest.json");
  const workers = String(Math.max(2, availableParallelism() - 1));
  const options = ["--ci", "--json", `--outputFile=${report}`, `--maxWorkers=${workers}`];
  try {
    const run = spawnSync("npm", ["run", "--silent", "jest", "--", ...options, `--testNamePattern=${ID.source}`], {
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
    });
    const files = readReport(report);
    if (files.length === 0) throw new Error(`jest wrote no report\n${run.stderr}`);
    return files.flatMap((file) => file.assertionResults);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const verdict = judgeRows(await loadCatalogue(), runTests());
  print(verdict);
  process.exitCode = listFaults(verdict).length === 0 ? 0 : 1;
}
