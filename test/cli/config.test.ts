import { afterAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "../support/run-cli.ts";

const CONFIG = join(import.meta.dirname, "..", "..", "config");
const folder = mkdtempSync(join(tmpdir(), "mayfly-cli-config-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const example = readFileSync(join(CONFIG, "mayfly.example.yaml"), "utf8");

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe("config example", () => {
  it("prints the example of the package, which config check accepts", async () => {
    const { code, stdout, stderr } = await runCli(["config", "example"]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: example, stderr: "" });
    const file = write("example.yaml", stdout);
    expect(await runCli(["config", "check", "-c", file])).toEqual({
      code: 0,
      stdout: `${file}: good (production, 4 issuers)\n`,
      stderr: "",
    });
  });
});

describe("config schema", () => {
  it("prints the schema that travels in the package", async () => {
    const { code, stdout, stderr } = await runCli(["config", "schema"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.endsWith("}\n")).toBe(true);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(join(CONFIG, "mayfly.schema.json"), "utf8")));
  });
});

describe("config check", () => {
  it("names every unsafe setting in force", async () => {
    const { code, stdout } = await runCli(["config", "check", "--config", join(CONFIG, "mayfly.dev.yaml")]);
    expect(code).toBe(0);
    expect(stdout.split("\n").slice(0, -2)).toEqual([
      "warning: unsafe option in force: environment-development",
      "warning: unsafe option in force: rate-limits-off",
      "warning: unsafe option in force: issuer-on-private-network",
      "warning: unsafe option in force: issuer-without-tls",
    ]);
    expect(stdout).toMatch(/mayfly\.dev\.yaml: good \(development, 2 issuers\)\n$/u);
  });

  it("says every problem in a line of its own, with file, line and setting", async () => {
    const lines = example.split("\n");
    const listen = lines.findIndex((line) => line.includes("listen: 127.0.0.1:5555"));
    const origin = lines.findIndex((line) => line.includes("origin: ca.example.com/log"));
    lines[listen] = "  lisen: 127.0.0.1:5555";
    lines[origin] = "  origin: https://ca.example.com/log";
    const file = write("bad.yaml", lines.join("\n"));
    const { code, stdout, stderr } = await runCli(["config", "check", "--config", file]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    const problems = stderr.trimEnd().split("\n");
    expect(problems).toContain(`${file}:${listen + 1}: http.lisen: unknown setting; did you mean listen?`);
    expect(problems).toContain(
      `${file}:${origin + 1}: log.origin: expected the log's URL without scheme and final slash`,
    );
    expect(problems.every((line) => line.startsWith(`${file}:`))).toBe(true);
  });

  const UNREADABLE: readonly [name: string, file: () => string, says: string][] = [
    ["a file that is not there", () => join(folder, "none.yaml"), "cannot be read: ENOENT"],
    ["a folder", () => folder, "not a regular file"],
    ["an empty file", () => write("empty.yaml", ""), "expected a mapping of settings"],
    ["something that is no YAML", () => write("no.yaml", "http: [\n"), "no.yaml:"],
  ];
  it.each(UNREADABLE)("refuses %s in one line", async (_, file, says) => {
    const { code, stdout, stderr } = await runCli(["config", "check", "--config", file()]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(says);
    expect(stderr).toMatch(/^[^\n]+\n$/u);
  });
});
