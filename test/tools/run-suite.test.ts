import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { finish, PASSING, startTool, writeProject } from "../support/tool-project.ts";

const EVIDENCE = `import { recordEvidence, recordVersion } from ${JSON.stringify(resolve("test/support/evidence.ts"))};`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-suite-test-"));
  mkdirSync(join(folder, "test/long/proofs"), { recursive: true });
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the runner on a project of its own, with jest itself as that project's jest. */
function startRunner(tests: Record<string, string>, args: readonly string[] = ["proofs"]): ChildProcess {
  writeProject(folder);
  for (const [name, text] of Object.entries(tests)) {
    writeFileSync(join(folder, `test/long/proofs/${name}.test.ts`), text);
  }
  return startTool("run-suite.mjs", folder, args);
}

const evidencePath = (): string => join(folder, "docs/evidence/proofs.md");
const evidence = (): string => readFileSync(evidencePath(), "utf8");

describe("a long suite", () => {
  it("says each test as it ends and closes with the totals, also in its evidence", async () => {
    const excused = `test.skip("asks Go (skipped: no go command)", () => {});`;
    const result = await finish(startRunner({ sum: PASSING, excused: `${excused} ${PASSING}` }));
    expect(result).toMatchObject({ code: 0, lastLine: "2 passed, 0 failed, 1 skipped" });
    expect(result.output).toMatch(/^ok .* s {2}adds$/mu);
    expect(evidence()).toContain("- skipped: asks Go (skipped: no go command)\n");
    expect(evidence().trimEnd().split("\n").at(-1)).toBe("2 passed, 0 failed, 1 skipped");
  }, 60_000);

  it("keeps what tests record: versions, lines and tables; and the versions of what always matters", async () => {
    const recording = `${EVIDENCE}
      test("records", () => {
        recordVersion("Go", "1.26.8"); recordEvidence("200 kills, 0 lost");
        recordEvidence("| mutant | caught by |"); recordEvidence("| --- | --- |"); recordEvidence("| no poison | Go |");
      });`;
    expect(await finish(startRunner({ recording }))).toMatchObject({ code: 0 });
    expect(evidence()).toContain(`- Node.js ${process.versions.node}, its OpenSSL `);
    expect(evidence()).toMatch(/, its SQLite \d+\.\d+/u);
    expect(evidence()).toMatch(/^- date: \d{4}-\d\d-\d\d, \d+ s$/mu);
    expect(evidence()).toContain("- Go 1.26.8\n\n## Shown\n\n- 200 kills, 0 lost\n\n| mutant | caught by |\n| --- |");
  }, 60_000);

  it("fails for a secret in what the keys' suite put out, says where and not what, and says so when there is none", async () => {
    const keeper = JSON.stringify(resolve("test/support/keep-output.ts"));
    const telling = (said: string): string => `import { keepOutput, registerSecret } from ${keeper};
      test("tells", () => { registerSecret("a secret access key of a test"); keepOutput(${JSON.stringify(said)}); });`;
    mkdirSync(join(folder, "test/long/keys"));
    const run = (said: string): ReturnType<typeof finish> => {
      writeFileSync(join(folder, "test/long/keys/telling.test.ts"), telling(said));
      return finish(startRunner({}, ["keys"]));
    };
    const told = await run("401: not known: a secret access key of a test");
    expect(told).toMatchObject({ code: 1, lastLine: "1 passed, 1 failed, 0 skipped" });
    expect(told.output).toMatch(/^secret in printed-\d+\.txt: a secret that a test registered$/mu);
    expect(told.output).not.toContain("a secret access key");
    expect(await run("401: not known")).toMatchObject({ code: 0, lastLine: "1 passed, 0 failed, 0 skipped" });
    const found = readFileSync(join(folder, "docs/evidence/keys.md"), "utf8");
    expect(found).toContain("- secrets in all that was printed, written and answered: 0\n");
  }, 60_000);

  it("tells no host name and no path", async () => {
    const telling = `${EVIDENCE} import { hostname } from "node:os";
      test("records", () => { recordEvidence("ran in " + process.cwd() + "/x on " + hostname() + ", 1/2 of RFC 6962/9162"); });`;
    expect(await finish(startRunner({ telling }))).toMatchObject({ code: 0 });
    expect(evidence()).toContain("- ran in (path) on (host), 1/2 of RFC 6962/9162\n");
    expect(evidence()).not.toContain(folder);
    expect(evidence()).not.toContain(hostname());
  }, 60_000);

  it.each([
    [
      "a test fails",
      { product: `test("multiplies", () => { expect(2 * 3).toBe(7); });`, sum: PASSING },
      "1 passed, 1 failed",
    ],
    ["a test file cannot be loaded", { broken: "import nothing from 'nowhere';" }, "0 passed, 1 failed"],
    ["it has no tests", {}, "0 passed, 1 failed"],
    ["a test is skipped without a reason", { only: `${PASSING} test.only("b", () => {});` }, "1 passed, 1 failed"],
  ] satisfies [string, Record<string, string>, string][])(
    "ends with 1 and says so in its evidence when %s",
    async (_case, tests, totals) => {
      const result = await finish(startRunner(tests));
      expect(result).toMatchObject({ code: 1, lastLine: `${totals}, 0 skipped` });
      expect(evidence().endsWith(`\n${totals}, 0 skipped\n`)).toBe(true);
    },
    60_000,
  );

  it("runs chosen files without touching the evidence", async () => {
    const result = await finish(
      startRunner({ sum: PASSING, other: "throw new Error('not chosen');" }, ["proofs", "sum"]),
    );
    expect(result).toMatchObject({ code: 0, lastLine: "1 passed, 0 failed, 0 skipped" });
    expect(existsSync(evidencePath())).toBe(false);
  }, 60_000);

  it.each([[[]], [["../src"]], [["Crash"]]])("refuses the name %j", async (args) => {
    expect(await finish(startRunner({ sum: PASSING }, args))).toMatchObject({ code: 2 });
  });

  it("ends what it started, and writes nothing, when interrupted", async () => {
    const pidFile = join(folder, "pid");
    const waiting = `import { spawn } from "node:child_process"; import { writeFileSync } from "node:fs";
      test("waits", async () => {
        const child = spawn("sleep", ["600"]);
        writeFileSync(${JSON.stringify(pidFile)}, String(child.pid) + "\\n");
        await new Promise((done) => child.once("exit", done));
      });`;
    const runner = startRunner({ waiting });
    const result = finish(runner);
    while (!existsSync(pidFile) || !readFileSync(pidFile, "utf8").endsWith("\n")) {
      await new Promise((next) => setTimeout(next, 20));
    }
    runner.kill("SIGTERM");
    expect((await result).code).toBe(143);
    // Whoever adopts an orphan may take a moment to bury it; the test's own limit bounds the wait.
    while (isAlive(Number(readFileSync(pidFile, "utf8")))) await new Promise((next) => setTimeout(next, 20));
    expect(existsSync(evidencePath())).toBe(false);
  }, 60_000);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
