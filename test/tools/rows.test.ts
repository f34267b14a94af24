import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Row } from "../rows/row.ts";
import { finish, startTool, writeCatalogue, writeProject } from "../support/tool-project.ts";
import type { ToolExit } from "../support/tool-project.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-rows-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the tool on a project of its own. An id in a title is written `<A1>`: this project's own report is read too. */
function runRows(rows: readonly Row[], tests: string): Promise<ToolExit> {
  writeProject(folder);
  writeCatalogue(folder, rows);
  writeFileSync(join(folder, "a.test.js"), tests.replaceAll(/<(\w+)>/gu, "[$1]"));
  return finish(startTool("rows.mjs", folder));
}

const row = (id: string, rest: Partial<Row> = {}): Row => ({ id, says: `what ${id} says`, ...rest });

describe("npm run rows", () => {
  it("is content when each row is covered, waits or does not apply", async () => {
    const { code, output, lastLine } = await runRows(
      [
        ...[row("A1"), row("A1b"), row("FC2"), row("FE3"), row("A1c", { waits: "KMS signers" })],
        row("C5", { appliesNot: "no such door" }),
      ],
      `describe("<A1> the door", () => { test("is <FC2> <FE3> <A1b> shut", () => {}); });`,
    );
    expect(output).toContain("covered\n  A1 A1b FC2 FE3\n");
    expect(output).toContain("wait for: KMS signers\n  A1c  what A1c says\n");
    expect(output).toContain("do not apply\n  C5  what C5 says: no such door\n");
    expect(lastLine).toBe("rows: 4 covered, 1 wait, 1 do not apply, 0 uncovered, 0 unknown");
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
    async (_case, tests, fault) => {
      const { code, output } = await runRows([row("A1")], tests);
      expect(output.split("\n")).toContain(fault);
      expect(code).toBe(1);
    },
    60_000,
  );

  it("runs the tests that name a row, and no others", async () => {
    const { code } = await runRows([row("A1")], `test("<A1>", () => {}); test("other", () => { process.exit(3); });`);
    expect(code).toBe(0);
  }, 60_000);

  it("fails without a catalogue, and when jest says nothing", async () => {
    expect(await runRows([], "syntax error")).toMatchObject({ code: 0 });
    rmSync(join(folder, "test/rows/catalogue.ts"));
    expect(await finish(startTool("rows.mjs", folder))).toMatchObject({ code: 1 });
    writeCatalogue(folder, []);
    writeProject(folder, { jest: "exit 0" });
    const silent = await finish(startTool("rows.mjs", folder));
    expect(silent).toMatchObject({ code: 1, output: expect.stringContaining("jest wrote no report") });
  }, 60_000);
});
