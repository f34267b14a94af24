// All of `npm test`: every gate, then every test, and totals that a machine can read from the last line.
// Arguments go to jest: `npm test -- test/core`.
import { spawn } from "node:child_process";
import { closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { clearTimeout, setTimeout } from "node:timers";
import { findSecretsIn } from "./find-secrets.mjs";
import { countTests, readReport } from "./jest-report.mjs";
import { judgeRows, listFaults, loadCatalogue, summarizeRows } from "./rows.mjs";

const GATES = ["typecheck", "lint", "format:check", "deps:check", "lockfile:check"];
const GATES_AT_ONCE = 2;
const STEP_LIMIT_MS = 15 * 60_000;
const GRACE_MS = 3_000;

const folder = mkdtempSync(join(tmpdir(), "mayfly-test-"));
const report = join(folder, "jest.json");
/** Where tests leave what the product put out, and what they know to be secret (test/support/keep-output.ts). */
const outputFolder = join(folder, "output");
const running = new Set();
const totals = { passed: 0, failed: 0, skipped: 0 };
let interrupted = false;

/** Signals a step and everything it started; each step leads a process group of its own. */
function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}

/** Runs an npm script. Output goes to a file, so that no forgotten grandchild can hold a pipe open and us with it. */
function runScript(script, args = []) {
  const start = performance.now();
  const path = join(folder, `${script.replace(":", "-")}.log`);
  const log = openSync(path, "w");
  const child = spawn("npm", ["run", "--silent", script, "--", ...args], {
    stdio: ["ignore", log, log],
    detached: true,
    env: { ...process.env, MAYFLY_TEST_OUTPUT: outputFolder },
  });
  closeSync(log);
  running.add(child);
  const limit = setTimeout(() => signalGroup(child, "SIGKILL"), STEP_LIMIT_MS);
  return new Promise((resolve) => {
    const finish = (ok, note) => {
      clearTimeout(limit);
      running.delete(child);
      if (interrupted) return; // Nobody waits for the next step any more.
      const output = readFileSync(path, "utf8").trimEnd();
      resolve({
        script,
        ok,
        output: note ? `${output}\n${note}` : output,
        seconds: (performance.now() - start) / 1000,
      });
    };
    child.once("error", (error) => finish(false, error.message));
    child.once("exit", (code, signal) => {
      signalGroup(child, "SIGKILL");
      finish(code === 0, signal ? `ended by ${signal} after ${((performance.now() - start) / 1000).toFixed(0)} s` : "");
    });
  });
}

function print(step) {
  console.log(`${step.ok ? "ok    " : "FAILED"}  ${step.script.padEnd(16)} ${step.seconds.toFixed(1).padStart(6)} s`);
  if (!step.ok) console.log(`${step.output}\n`);
}

async function runGates() {
  const queue = [...GATES];
  const lane = async () => {
    for (let script = queue.shift(); script !== undefined; script = queue.shift()) {
      const step = await runScript(script);
      print(step);
      totals[step.ok ? "passed" : "failed"] += 1;
    }
  };
  await Promise.all(Array.from({ length: GATES_AT_ONCE }, lane));
}

async function runTests() {
  const workers = String(Math.max(2, availableParallelism() - 1));
  const step = await runScript("jest", [
    "--ci",
    "--json",
    `--outputFile=${report}`,
    `--maxWorkers=${workers}`,
    ...process.argv.slice(2),
  ]);
  const files = readReport(report);
  const { passed, failed, skips, texts } = countTests(files);
  totals.passed += passed;
  totals.failed += failed;
  totals.skipped += skips.length;
  if (failed > 0) {
    print({ ...step, ok: false, output: texts.join("\n\n") });
  } else {
    // jest may fail without a failed test: no tests found, a bad option, a crash, a process that would not end.
    if (!step.ok) totals.failed += 1;
    print(step);
  }
  if (skips.length > 0) console.log(["skipped:", ...skips].join("\n  "));
  return files.flatMap((file) => file.assertionResults);
}

/** One more check: nothing that the product or the tests put out holds a secret. Where one is, is told; never what it is. */
function searchOutput() {
  const start = performance.now();
  for (const name of ["jest.log", "jest.json"]) {
    if (existsSync(join(folder, name))) copyFileSync(join(folder, name), join(outputFolder, name));
  }
  const found = findSecretsIn(outputFolder);
  totals[found.length === 0 ? "passed" : "failed"] += 1;
  const seconds = (performance.now() - start) / 1000;
  print({ script: "secrets:check", ok: found.length === 0, seconds, output: found.join("\n") });
}

/**
 * The catalogue of inputs as a gate of its own, judged on the report that is there anyway. A part of the tests says
 * nothing about what is not covered.
 */
async function judgeCatalogue(tests) {
  if (process.argv.length > 2) return;
  const start = performance.now();
  const verdict = judgeRows(await loadCatalogue(), tests);
  const faults = listFaults(verdict);
  const seconds = (performance.now() - start) / 1000;
  print({ script: "rows", ok: faults.length === 0, output: faults.join("\n"), seconds });
  console.log(summarizeRows(verdict));
  totals[faults.length === 0 ? "passed" : "failed"] += 1;
}

function interrupt(signal, exitCode) {
  interrupted = true;
  for (const child of running) signalGroup(child, "SIGTERM");
  setTimeout(() => {
    for (const child of running) signalGroup(child, "SIGKILL");
  }, GRACE_MS).unref();
  const leave = () => {
    if (running.size > 0) {
      setTimeout(leave, 50);
      return;
    }
    rmSync(folder, { recursive: true, force: true });
    console.log(`interrupted by ${signal}`);
    process.exit(exitCode);
  };
  leave();
}
process.once("SIGINT", () => interrupt("SIGINT", 130));
process.once("SIGTERM", () => interrupt("SIGTERM", 143));

const start = performance.now();
mkdirSync(outputFolder);
await runGates();
const tests = await runTests();
searchOutput();
await judgeCatalogue(tests);
rmSync(folder, { recursive: true, force: true });
console.log(`\n${((performance.now() - start) / 1000).toFixed(1)} s in all`);
console.log(`${String(totals.passed)} passed, ${String(totals.failed)} failed, ${String(totals.skipped)} skipped`);
process.exitCode = totals.failed === 0 ? 0 : 1;
