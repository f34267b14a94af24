import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Calls of a process that fail; see fault-shim.c. */
export interface Fault {
  readonly call: "fsync" | "write" | "rename";
  /** End of the path of the files that it is about. */
  readonly file: string;
  /** Number of the first call that fails, from 1. */
  readonly first: number;
  /** How many fail from there on; 1 when left out. */
  readonly count?: number;
  readonly error: "EIO" | "ENOSPC" | "SHORT";
  /** The fault is there only while this file is. */
  readonly whilePath?: string;
}

/** A compiled shim. */
export interface FaultShim {
  /** The environment in which a process meets the fault. */
  readonly environment: (fault: Fault) => Readonly<Record<string, string>>;
  readonly remove: () => void;
}

const SOURCE = fileURLToPath(new URL("fault-shim.c", import.meta.url));

/** Compiles the shim; undefined where there is no C compiler. */
export function compileFaultShim(): FaultShim | undefined {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-shim-"));
  const library = join(folder, "fault-shim.so");
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    execFileSync("cc", ["-O2", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], { stdio: "pipe" });
  } catch (error) {
    remove();
    if (Error.isError(error) && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  return { environment: (fault) => environment(library, fault), remove };
}

function environment(library: string, fault: Fault): Readonly<Record<string, string>> {
  const { call, file, first, count = 1, error, whilePath } = fault;
  return {
    LD_PRELOAD: library,
    MAYFLY_FAULT: [call, file, first, count, error].join(" "),
    ...(whilePath === undefined ? {} : { MAYFLY_FAULT_WHILE: whilePath }),
  };
}
