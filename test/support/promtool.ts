import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const CACHE = resolve("node_modules/.cache/mayfly");
const PLACE = join(CACHE, "promtool");

/**
 * Path of Prometheus's promtool: the one on the PATH, or that of Debian's package, unpacked into the project's cache and
 * installed nowhere. Undefined where there is neither.
 */
export function findPromtool(): string | undefined {
  if (spawnSync("promtool", ["--version"]).status === 0) return "promtool";
  const program = join(PLACE, "usr", "bin", "promtool");
  if (!existsSync(program)) unpackDebian();
  return existsSync(program) ? program : undefined;
}

function unpackDebian(): void {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "promtool-"));
  try {
    execFileSync("apt-get", ["download", "--quiet", "prometheus"], { cwd: folder, stdio: "pipe" });
    const archive = readdirSync(folder).find((name) => name.endsWith(".deb")) ?? "";
    execFileSync("dpkg", ["--extract", archive, "unpacked"], { cwd: folder, stdio: "pipe" });
    renameSync(join(folder, "unpacked"), PLACE);
  } catch {
    // No Debian, or none that reaches its packages.
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What promtool says against metrics in the exposition format, line by line; it also says what goes against its advice. */
export function promtoolComplaints(program: string, metrics: string): readonly string[] {
  const { status, stdout, stderr } = spawnSync(program, ["check", "metrics"], { input: metrics, encoding: "utf8" });
  const lines = `${stdout}${stderr}`.split("\n").filter(Boolean);
  return status === 0 || lines.length > 0 ? lines : [`it ended with ${String(status)}`];
}

/** Its version, such as `2.42.0+ds`. */
export function promtoolVersion(program: string): string {
  const { stdout, stderr } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return /version (\S+?),? /u.exec(`${stdout}${stderr}`)?.[1] ?? "of no known version";
}
