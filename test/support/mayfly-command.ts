import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Makes this project's program the command `mayfly` of whoever has `bin` on the PATH. */
export function writeMayflyCommand(bin: string): void {
  writeCommand(bin, "mayfly", `${process.execPath} ${resolve("src", "bin.ts")}`);
}

/** Makes a command of whoever has `bin` on the PATH: another program, where a link to it would not do. */
export function writeCommand(bin: string, name: string, program: string): void {
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\nexec ${program} "$@"\n`);
  chmodSync(join(bin, name), 0o755);
}
