import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * Variables with which a process finds what others compiled of this project, and starts in half the time; for tests that give
 * one no environment otherwise.
 */
export const COMPILED: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    name === "NODE_COMPILE_CACHE" && value !== undefined ? [[name, value]] : [],
  ),
);

/** Makes this project's program the command `mayfly` of whoever has `bin` on the PATH. */
export function writeMayflyCommand(bin: string): void {
  const variables = Object.entries(COMPILED).map(([name, value]) => `${name}='${value}' `);
  writeCommand(bin, "mayfly", `env ${variables.join("")}${process.execPath} ${resolve("src", "bin.ts")}`);
}

/** Makes a command of whoever has `bin` on the PATH: another program, where a link to it would not do. */
export function writeCommand(bin: string, name: string, program: string): void {
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\nexec ${program} "$@"\n`);
  chmodSync(join(bin, name), 0o755);
}
