import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Row } from "../rows/row.ts";

const JEST = `node --experimental-vm-modules ${resolve("node_modules/jest/bin/jest.js")}`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-rows-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the tool on a project of its own. An id in a title is written `<A1>`: this project's own report is read too. */
function runRows(rows: readonly Row[], tests: string): { code: number | null; output: string } {
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "fixture", type: "module", scripts: { jest: JEST } }),
  );
  mkdirSync(join(folder, "test/rows"), { recursive: true });
  writeFileSync(join(folder, "test/rows/catalogue.ts"), `export const catalogue = ${JSON.stringify(rows)};`);
  writeFileSync(join(folder, "a.test.js"), tests.replaceAll(/<(\w+)>/gu, "[$1]"));
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS|JEST_)/u.test(name)),
  );
  const run = spawnSync(process.execPath, [resolve("tools/rows.mjs")], { cwd: folder, env, encoding: "utf8" });
  return { code: run.status, output: run.stdout + run.stderr };
}

const row = (id: string, rest: Partial<Row> = {}): Row => ({ id, says: `what ${id} says`, ...rest });

describe("npm run rows", () => {
  it("is content when each row is covered, waits or does not apply", () => {
    const { code, output } = runRows(
      [
        ...[row("A1"), row("A1b"), row("FC2"), row("FE3"), row("A1c", { waits: "gRPC" })],
        row("C5", { appliesNot: "no such door" }),
      ],
      `describe("<A1> the door", () => { test("is <FC2> <FE3> <A1b> shut", () => {}); });`,
    );
    expect(output).toContain("covered\n  A1 A1b FC2 FE3\n");
    expect(output).toContain("wait for: gRPC\n  A1c  what A1c says\n");
    expect(output).toContain("do not apply\n  C5  what C5 says: no such door\n");
    expect(output.trimEnd().split("\n").at(-1)).toBe("rows: 4 covered, 1 wait, 1 do not apply, 0 uncovered, 0 unknown");
    expect(code).toBe(0);
  }, 60_000);

  it.each([
    ["that no test names", `test("A1 without brackets", () => {});`, "UNCOVERED  A1  what A1 says"],
    ["whose only test is skipped", `test.skip("<A1>", () => {});`, "UNCOVERED  A1  what A1 says"],
    [
      "of which one test fails",
      `test("<A1> once", () => {}); test("<A1> twice", () => { throw new Error("no"); });`,
      "UNCOVERED  A1  what A1 says (its test fails)",
    ],
    ["whose file cannot run", `import "./nowhere.js"; test("<A1>", () => {});`, "UNCOVERED  A1  what A1 says"],
    [
      "beside an id that no row has",
      `test("<A1>", () => {}); test("<A11> is refused", () => {});`,
      'UNKNOWN  A11  in the name of "[A11] is refused"',
    ],
  ])(
    "fails for a row %s",
    (_case, tests, fault) => {
      const { code, output } = runRows([row("A1")], tests);
      expect(output.split("\n")).toContain(fault);
      expect(code).toBe(1);
    },
    60_000,
  );

  it("runs the tests that name a row, and no others", () => {
    const { code } = runRows([row("A1")], `test("<A1>", () => {}); test("other", () => { process.exit(3); });`);
    expect(code).toBe(0);
  }, 60_000);

  it("fails without a catalogue, and when jest says nothing", () => {
    expect(runRows([], "syntax error").code).toBe(0);
    rmSync(join(folder, "test/rows/catalogue.ts"));
    const env = { PATH: process.env["PATH"] };
    const run = () => spawnSync(process.execPath, [resolve("tools/rows.mjs")], { cwd: folder, env, encoding: "utf8" });
    expect(run().status).toBe(1);
    writeFileSync(join(folder, "test/rows/catalogue.ts"), "export const catalogue = [];");
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", scripts: { jest: "exit 0" } }));
    const silent = run();
    expect(silent.status).toBe(1);
    expect(silent.stderr).toContain("jest wrote no report");
  }, 60_000);
});
