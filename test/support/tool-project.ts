import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import type { Row } from "../rows/row.ts";

/** The script by which a project of a test's own runs jest itself. */
export const JEST = `node --experimental-vm-modules ${resolve("node_modules/jest/bin/jest.js")}`;

/** Content of a test file that passes. */
export const PASSING = `test("adds", () => { expect(1 + 1).toBe(2); });`;

/** `npm run --silent NAME -- ARGUMENTS`, and nothing else: npm itself takes longer to start than most scripts take. */
const QUICK_NPM = String.raw`#!/bin/sh
set -eu
script=$(cat "scripts/$3")
shift 4
exec sh -c "$script \"\$@\"" sh "$@"
`;

/** Makes a folder a project, with jest and these scripts beside it, run by npm itself or by something quicker. */
export function writeProject(
  folder: string,
  scripts: Readonly<Record<string, string>> = {},
  runner: "npm" | "quick" = "quick",
): void {
  const all = { jest: JEST, ...scripts };
  const manifest = { name: "fixture", private: true, type: "module", scripts: all };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  if (runner === "npm") return;
  for (const name of ["bin", "scripts"]) mkdirSync(join(folder, name), { recursive: true });
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder, "scripts", name), text);
  writeFileSync(join(folder, "bin/npm"), QUICK_NPM, { mode: 0o755 });
}

/** Gives a project a catalogue of inputs. */
export function writeCatalogue(folder: string, rows: readonly Row[]): void {
  mkdirSync(join(folder, "test/rows"), { recursive: true });
  writeFileSync(join(folder, "test/rows/catalogue.ts"), `export const catalogue = ${JSON.stringify(rows)};`);
}

/** Starts a program of tools/ in a project, as if no jest and no npm had started it. */
export function startTool(name: string, folder: string, args: readonly string[] = []): ChildProcess {
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([variable]) => !/^(npm_|NODE_OPTIONS|JEST_|MAYFLY_)/u.test(variable)),
  );
  const path = [join(folder, "bin"), environment["PATH"] ?? ""].join(delimiter);
  return spawn(process.execPath, [resolve("tools", name), ...args], {
    cwd: folder,
    env: { ...environment, PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** How a tool ended, and all it said. */
export interface ToolExit {
  readonly code: number | null;
  readonly output: string;
  readonly lastLine: string;
}

/** Waits for a tool's end. */
export async function finish(tool: ChildProcess): Promise<ToolExit> {
  let output = "";
  tool.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  tool.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((done) => tool.once("close", done));
  return { code, output, lastLine: output.trimEnd().split("\n").at(-1) ?? "" };
}
