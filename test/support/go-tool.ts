import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";

const CACHE = resolve("node_modules/.cache/mayfly");

/** A program in Go that tests ask: a main package of a module in tools/, which pins all that it is made of. */
export interface GoTool {
  /** What the built program is called. */
  readonly name: string;
  /** Folder of the module, such as `tools/judge`. */
  readonly folder: string;
  /** Import path of the main package: the module's own when left out, or one of a module that it requires. */
  readonly package?: string;
  /** Variables of its packages that the build sets, by their full names: what its own makers' build says of its version. */
  readonly variables?: Readonly<Record<string, string>>;
}

const settings = ({ variables = {} }: GoTool): string =>
  Object.entries(variables)
    .map(([name, value]) => `-X ${name}=${value}`)
    .join(" ");

/** Version of the Go on the PATH, such as `1.26.8`; undefined without one. */
export function goVersion(): string | undefined {
  try {
    return execFileSync("go", ["env", "GOVERSION"], { encoding: "utf8", stdio: "pipe" }).trim().slice(2);
  } catch {
    return undefined;
  }
}

/** Where the built program is or would be: the name changes with its source and its pinned modules. */
export function goToolPath(tool: GoTool): string {
  const { name, folder } = tool;
  const digest = createHash("sha256").update(settings(tool));
  for (const module of [resolve(folder), ...modulesBeside(resolve(folder))]) {
    const files = readdirSync(module).filter((file) => /\.go$|^go\.(?:mod|sum)$/u.test(file));
    for (const file of files.sort()) digest.update(`${file}\n`).update(readFileSync(join(module, file)));
  }
  return join(CACHE, `${name}-${digest.digest("hex").slice(0, 16)}`);
}

/** Folders of the modules that a module takes from this project (`replace` in its go.mod). */
function modulesBeside(folder: string): readonly string[] {
  const lines = readFileSync(join(folder, "go.mod"), "utf8").matchAll(/^replace .* => (\.\.?\/\S+)$/gmu);
  return Array.from(lines, ([, path = ""]) => join(folder, path));
}

/** Whether the program was built before, from the source as it is now. */
export function isGoToolBuilt(tool: GoTool): boolean {
  return existsSync(goToolPath(tool));
}

/**
 * Builds the program into the project's cache, unless it is there; needs Go, and its modules from wherever Go has them.
 *
 * @returns the path of the program
 */
export function buildGoTool(tool: GoTool): string {
  const path = goToolPath(tool);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  const fresh = `${path}.${process.pid}`;
  const build = [
    "-n",
    "19",
    "go",
    "build",
    "-trimpath",
    `-ldflags=${settings(tool)}`,
    "-o",
    fresh,
    tool.package ?? ".",
  ];
  execFileSync("nice", build, { cwd: resolve(tool.folder), stdio: "pipe" });
  renameSync(fresh, path);
  return path;
}
