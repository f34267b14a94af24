import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { TRUST_FILE_NAMES } from "../../src/trust/trust-file-names.ts";
import { runCli } from "../support/run-cli.ts";

const PAGE = readFileSync("docs/trust.md", "utf8");
const TABLE = Array.from(PAGE.matchAll(/^\| `(?<file>[^`]+)` +\| `(?<command>[^`]+)` +\|/gmu), ({ groups }) => ({
  file: groups?.["file"] ?? "",
  command: groups?.["command"] ?? "",
}));

describe("the page on whom to trust", () => {
  it("names every trust file", () => {
    expect(TABLE.map(({ file }) => file)).toEqual([...TRUST_FILE_NAMES]);
  });

  it("calls commands that there are, with options that they have", async () => {
    const calls = [
      ...TABLE.map(({ command }) => `trust ${command}`),
      ...Array.from(PAGE.matchAll(/^ *mayfly (?<call>.*)$/gmu), ({ groups }) => groups?.["call"] ?? ""),
    ];
    expect(calls.length).toBeGreaterThan(TRUST_FILE_NAMES.length + 4);
    for (const call of calls) {
      const words = call.split(" --")[0]!.split(" ").slice(0, 2);
      const { code, stdout } = await runCli([...words, "--help"]);
      expect({ call, code, usage: stdout.split("\n")[0] }).toEqual({
        call,
        code: 0,
        usage: expect.stringContaining(`mayfly ${words.join(" ")}`) as unknown,
      });
      for (const flag of call.match(/--[a-z-]+/gu) ?? []) expect(stdout).toContain(flag);
    }
  });
});
