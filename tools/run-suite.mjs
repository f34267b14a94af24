// A long suite by name: `node tools/run-suite.mjs crash` runs test/long/crash/*.test.ts, one file at a time, and writes
// docs/evidence/crash.md. With further arguments jest runs the files that they choose, and no evidence is written.
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, hostname, release, tmpdir, type } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { clearTimeout, setTimeout } from "node:timers";
import { fileURLToPath } from "node:url";
import { findSecretsIn } from "./find-secrets.mjs";
import { countTests, readReport } from "./jest-report.mjs";

const TEST_LIMIT_MS = 60 * 60_000;
const SUITE_LIMIT_MS = 4 * 60 * 60_000;
const GRACE_MS = 3_000;
const VERSION = "version: ";
/** Suites in which everything that the product puts out is searched for secrets, as in `npm test`. */
const SEARCHED = new Set(["keys"]);

const [name = "", ...choice] = process.argv.slice(2);
if (!/^[a-z][a-z-]*$/u.test(name)) {
  console.error("usage: node tools/run-suite.mjs NAME [jest arguments]");
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "mayfly-suite-"));
const report = join(folder, "jest.json");
const evidence = join(folder, "evidence.txt");

const output = join(folder, "output");
const searched = SEARCHED.has(name) ? { MAYFLY_TEST_OUTPUT: output } : {};

const configuration = {
  rootDir: process.cwd(),
  roots: ["<rootDir>/test/long"],
  testMatch: [`<rootDir>/test/long/${name}/*.test.ts`],
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: {},
  setupFiles: [fileURLToPath(new URL("../test/support/keep-output.ts", import.meta.url))],
  testTimeout: TEST_LIMIT_MS,
  reporters: [fileURLToPath(new URL("suite-reporter.mjs", import.meta.url))],
};

/** Runs jest as a process group of its own, so that nothing it started outlives it; true when it ended well. */
async function runJest() {
  const child = spawn(
    "npm",
    ["run", "--silent", "jest", "--", "--ci", "--runInBand", "--json", `--outputFile=${report}`].concat(
      `--config=${JSON.stringify(configuration)}`,
      choice,
    ),
    // jest repeats its report on standard output.
    {
      stdio: ["ignore", "ignore", "inherit"],
      detached: true,
      env: { ...process.env, ...searched, MAYFLY_EVIDENCE: evidence },
    },
  );
  const signalGroup = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // The group is gone already.
    }
  };
  let interrupted;
  const interrupt = (signal) => {
    interrupted = signal;
    signalGroup("SIGTERM");
    setTimeout(() => signalGroup("SIGKILL"), GRACE_MS).unref();
  };
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  const limit = setTimeout(() => signalGroup("SIGKILL"), SUITE_LIMIT_MS);
  const ok = await new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
  clearTimeout(limit);
  signalGroup("SIGKILL");
  if (interrupted !== undefined) {
    rmSync(folder, { recursive: true, force: true });
    console.log(`interrupted by ${interrupted}`);
    process.exit(interrupted === "SIGINT" ? 130 : 143);
  }
  return ok;
}

function opensslVersion() {
  try {
    return execFileSync("openssl", ["version"], { encoding: "utf8" }).split(" ").slice(0, 2).join(" ");
  } catch {
    return "no openssl command";
  }
}

/** Evidence tells what was shown, not on which machine: host names and absolute paths become words. */
function withoutPlaces(text) {
  const host = new RegExp(`(?<![\\w.-])${hostname().replaceAll(/[^\w-]/gu, "\\$&")}(?![\\w-])`, "gu");
  return text.replaceAll(host, "(host)").replaceAll(/(?<![\w:/.<])\/(?:[\w.@-]+\/)+[\w.@-]*/gu, "(path)");
}

/** A recorded line as Markdown: a table stays one, anything else is an item of a list. */
const item = (line) => (line.startsWith("|") ? line : `- ${line}`);

/** Blank lines between a list and a table, without which neither is one. */
function apart(lines) {
  return lines.flatMap((line, index) => {
    const before = lines[index - 1];
    return before !== undefined && before.startsWith("|") !== line.startsWith("|") ? ["", line] : [line];
  });
}

function writeEvidence(files, totals, seconds) {
  const recorded = existsSync(evidence) ? readFileSync(evidence, "utf8").split("\n").filter(Boolean) : [];
  const tests = files.flatMap((file) => file.assertionResults);
  const lines = [
    `# ${name}`,
    "",
    `Written by \`npm run test:${name}\`.`,
    "",
    `- date: ${new Date().toISOString().slice(0, 10)}, ${seconds.toFixed(0)} s`,
    `- Node.js ${process.versions.node}, its OpenSSL ${process.versions.openssl}, its SQLite ${process.versions.sqlite}`,
    `- ${opensslVersion()} (command)`,
    `- ${type()} ${/^[\d.]*\d/u.exec(release())?.[0] ?? ""} ${arch()}`,
    ...recorded.filter((line) => line.startsWith(VERSION)).map((line) => `- ${line.slice(VERSION.length)}`),
    "",
    "## Shown",
    "",
    ...apart(recorded.filter((line) => !line.startsWith(VERSION)).map(item)),
    ...(found === undefined
      ? []
      : [`- secrets in all that was printed, written and answered: ${String(found.length)}`]),
    "",
    "## Tests",
    "",
    ...tests.map(({ fullName, status }) => `- ${status === "pending" ? "skipped" : status}: ${fullName}`),
    "",
    totals,
    "",
  ];
  mkdirSync("docs/evidence", { recursive: true });
  writeFileSync(`docs/evidence/${name}.md`, withoutPlaces(lines.join("\n")));
}

/** Where a secret is, never what it is; undefined in a suite that is not searched. */
function searchOutput() {
  if (!SEARCHED.has(name)) return undefined;
  if (existsSync(report)) copyFileSync(report, join(output, "jest.json"));
  return findSecretsIn(output);
}

const start = performance.now();
mkdirSync(output);
const ok = await runJest();
const files = readReport(report);
const { passed, failed: failedTests, skips, texts } = countTests(files);
// jest may fail without a failed test: no tests found, a bad option, a crash, a process that would not end.
const found = searchOutput();
const failed = (failedTests === 0 && !ok ? 1 : failedTests) + (found?.length ?? 0);
const seconds = (performance.now() - start) / 1000;
const totals = `${String(passed)} passed, ${String(failed)} failed, ${String(skips.length)} skipped`;

for (const place of found ?? []) console.log(`secret in ${place}`);
if (failed > 0) console.log(`\n${texts.join("\n\n")}`);
if (skips.length > 0) console.log(["\nskipped:", ...skips].join("\n  "));
if (choice.length === 0) writeEvidence(files, totals, seconds);
rmSync(folder, { recursive: true, force: true });
console.log(`\n${seconds.toFixed(1)} s in all`);
console.log(totals);
process.exitCode = failed === 0 ? 0 : 1;
