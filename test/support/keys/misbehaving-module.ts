import { execFileSync } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Why the module cannot be built here; undefined when it can. */
export function whyNoCompiler(): string | undefined {
  try {
    execFileSync("cc", ["--version"], { stdio: "pipe" });
    return undefined;
  } catch {
    return "no C compiler";
  }
}

/** What the module does when it is asked for a signature; `error-` is a CKR_ in hexadecimal. */
export type ModuleFault = "hang" | "crash" | "flip" | "short" | "replay" | "slow" | "no-flags" | `error-${string}`;

/** A PKCS#11 module of ours around a real one. */
export interface MisbehavingModule {
  readonly path: string;
  readonly misbehave: (fault: ModuleFault | undefined) => void;
  /** Logins that were tried. */
  readonly logins: () => number;
}

/** Builds it into a folder, and has processes that are started from now on find the real one behind it. */
export function buildMisbehavingModule(folder: string, real: string): MisbehavingModule {
  const path = join(folder, "misbehaving.so");
  const file = join(folder, "fault");
  const source = resolve("test/support/keys/misbehaving-module.c");
  execFileSync("cc", ["-shared", "-fPIC", "-O1", "-o", path, source, "-ldl", "-lpthread"], { stdio: "pipe" });
  writeFileSync(file, "");
  process.env["MAYFLY_REAL_MODULE"] = real;
  process.env["MAYFLY_FAULT"] = file;
  return {
    path,
    logins: () => (existsSync(`${file}.logins`) ? statSync(`${file}.logins`).size : 0),
    misbehave: (fault) => {
      writeFileSync(file, (fault ?? "").replace(/^error-/u, ""));
    },
  };
}
