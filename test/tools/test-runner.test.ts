import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Row } from "../rows/row.ts";
import { finish, JEST, PASSING, startTool, writeCatalogue, writeProject } from "../support/tool-project.ts";

/** The scripts the runner calls, all content; a case replaces those it is about. */
const CONTENT = {
  typecheck: "true",
  lint: "true",
  "format:check": "true",
  "deps:check": "true",
  "lockfile:check": "true",
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-runner-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What a case may change beside scripts and tests. */
interface RunnerOptions {
  /** Rows of the project's catalogue; none by default. */
  readonly rows?: readonly Row[];
  /** Arguments of `npm test`. */
  readonly args?: readonly string[];
  /** npm itself, or what is quicker and does the same for these tests. */
  readonly runner?: "npm" | "quick";
}

/** Starts the runner on a project of its own, with jest itself as that project's jest. */
function startRunner(
  scripts: Record<string, string>,
  tests: Record<string, string>,
  { rows = [], args = [], runner = "quick" }: RunnerOptions = {},
): ChildProcess {
  writeProject(folder, { ...CONTENT, ...scripts }, runner);
  for (const [name, text] of Object.entries(tests)) writeFileSync(join(folder, `${name}.test.js`), text);
  writeCatalogue(folder, rows);
  return startTool("test.mjs", folder, args);
}

describe("npm test", () => {
  it("counts gates and tests together and closes with the totals", async () => {
    const result = await finish(startRunner({}, { sum: PASSING }, { runner: "npm" }));
    expect(result).toMatchObject({ code: 0, lastLine: "8 passed, 0 failed, 0 skipped" });
    expect(result.output).not.toContain("PASS");
  }, 60_000);

  it("shows the output of what failed and of nothing else", async () => {
    const result = await finish(
      startRunner(
        { lint: "echo an untidy line && false", typecheck: "echo all types fit" },
        { sum: PASSING, product: `test("multiplies", () => { expect(2 * 3).toBe(7); });` },
      ),
    );
    expect(result).toMatchObject({ code: 1, lastLine: "7 passed, 2 failed, 0 skipped" });
    expect(result.output).toContain("an untidy line");
    expect(result.output).toContain("multiplies");
    expect(result.output).not.toContain("all types fit");
  }, 60_000);

  it("lists a skip that says why and fails one that does not, such as the neighbour of a forgotten .only", async () => {
    const excused = `test.skip("asks Go (skipped: no go command)", () => {}); ${PASSING}`;
    const result = await finish(startRunner({}, { excused, only: `test("a", () => {}); test.only("b", () => {});` }));
    expect(result).toMatchObject({ code: 1, lastLine: "9 passed, 1 failed, 1 skipped" });
    expect(result.output).toContain("asks Go (skipped: no go command)");
    expect(result.output).toContain('skipped without "(skipped: reason)" in its title: a');
  }, 60_000);

  const ROWS: readonly Row[] = [{ id: "A1", says: "the first input" }];
  const covers = (id: string): string => `test("refuses [${id}]", () => {});`;

  it("counts the catalogue of inputs as a gate, and is content when each row is covered", async () => {
    const result = await finish(startRunner({}, { a: covers("A1") }, { rows: ROWS }));
    expect(result).toMatchObject({ code: 0, lastLine: "8 passed, 0 failed, 0 skipped" });
    expect(result.output).toContain("rows: 1 covered, 0 wait, 0 do not apply, 0 uncovered, 0 unknown");
  }, 60_000);

  it.each([
    ["a row that no test covers", PASSING, "UNCOVERED  A1  the first input"],
    ["an id that no row has", `${covers("A1")} ${covers("A2")}`, 'UNKNOWN  A2  in the name of "refuses [A2]"'],
  ])(
    "fails %s",
    async (_case, tests, fault) => {
      const result = await finish(startRunner({}, { tests }, { rows: ROWS }));
      expect(result.code).toBe(1);
      expect(result.lastLine).toMatch(/ 1 failed, 0 skipped$/u);
      expect(result.output.split("\n")).toContain(fault);
    },
    60_000,
  );

  it("does not ask a part of the tests for every row", async () => {
    const result = await finish(startRunner({}, { sum: PASSING }, { rows: ROWS, args: ["sum"] }));
    expect(result).toMatchObject({ code: 0, lastLine: "7 passed, 0 failed, 0 skipped" });
  }, 60_000);

  it.each([
    [
      "a test file that cannot be loaded",
      {},
      { broken: "import nothing from 'nowhere';", sum: PASSING },
      "8 passed, 1 failed",
    ],
    ["a project without tests", {}, {}, "7 passed, 1 failed"],
    ["a jest that crashes before its report", { jest: "echo out of memory; exit 134" }, {}, "7 passed, 1 failed"],
    [
      "a jest that fails after a clean report",
      { jest: `f() { ${JEST} "$@"; exit 1; }; f` },
      { sum: PASSING },
      "8 passed, 1 failed",
    ],
  ])(
    "fails %s",
    async (_case, scripts, tests, totals) => {
      const result = await finish(startRunner(scripts, tests));
      expect(result).toMatchObject({ code: 1, lastLine: `${totals}, 0 skipped` });
    },
    60_000,
  );

  it("fails when a secret was put out anywhere, says where and of which kind, and never what it is", async () => {
    const keepOutput = resolve("test/support/keep-output.ts");
    writeFileSync(
      join(folder, "jest.config.js"),
      `export default { transform: {}, extensionsToTreatAsEsm: [".ts"], setupFiles: [${JSON.stringify(keepOutput)}] };`,
    );
    // Each secret is put together by the test that gives it away.
    const token = `const part = (text) => Buffer.from(text).toString("base64url");
      const token = [part('{"alg":"none"}'), part('{"sub":"someone"}'), "planted-signature"].join(".");`;
    const result = await finish(
      startRunner(
        {},
        {
          printed: `${token} test("prints", () => { process.stderr.write(token); });`,
          started: `import { spawn } from "node:child_process";
            test("starts a process that prints", async () => {
              const program = "console.log('-----BEGIN ' + 'PRIVATE KEY-----')";
              const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "pipe"] });
              child.stdout.resume();
              await new Promise((closed) => child.once("close", closed));
            });`,
          written: `import { generateKeyPairSync, sign } from "node:crypto";
            import { mkdirSync, rmSync, writeFileSync } from "node:fs";
            test("removes a log with a proof", () => {
              const { privateKey } = generateKeyPairSync("ed25519");
              const proof = sign(null, Buffer.from("someone@example.com"), privateKey).toString("base64");
              mkdirSync("data");
              writeFileSync("data/mayfly.log", "refused " + proof);
              writeFileSync("data/request.json", proof);
              rmSync("data", { recursive: true });
            });`,
        },
      ),
    );
    expect(result).toMatchObject({ code: 1, lastLine: "9 passed, 1 failed, 0 skipped" });
    expect(result.output).toMatch(/^jest\.log: a token$/mu);
    expect(result.output).toMatch(/^printed-\d+\.txt: a private key$/mu);
    expect(result.output).toMatch(/^written-[0-9a-f-]+-mayfly\.log: a secret that a test registered$/mu);
    expect(result.output).not.toContain("planted-signature");
    expect(result.output).not.toContain("request.json");
  }, 60_000);

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "ends what it started when interrupted by %s",
    async (signal, code) => {
      const scripts = { typecheck: "echo $$ > pid; exec sleep 600" };
      const runner = startRunner(scripts, { sum: PASSING }, { runner: "npm" });
      const result = finish(runner);
      const pidFile = join(folder, "pid");
      await until(() => existsSync(pidFile) && readFileSync(pidFile, "utf8").endsWith("\n"));
      runner.kill(signal);
      expect((await result).code).toBe(code);
      await until(() => hasEnded(Number(readFileSync(pidFile, "utf8"))));
    },
    60_000,
  );
});

/** Whether there is no process of that number; one that nobody has waited for yet is still there for a moment. */
function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

/** Resolves once `condition` holds; the test's own limit bounds the wait. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((next) => setTimeout(next, 20));
}
