import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../support/run-cli.ts";

const ROOT = join(import.meta.dirname, "..", "..");

const LEAVES = [
  "serve",
  "check-config",
  "explain",
  "log init",
  "log verify",
  "log export",
  "log adopt",
  "log freeze",
  "log shards",
  "reconcile",
  "trust trusted-root",
  "trust signing-config",
  "trust client-trust-config",
  "trust chain",
  "trust log-keys",
  "trust fingerprints",
  "config example",
  "config check",
  "config schema",
  "config from-fulcio",
  "key create",
  "key import",
  "key policy",
  "ca init",
  "ca csr",
  "ca sign",
  "ca check",
  "ca create",
  "ca rotate",
];
const GROUPS = ["log", "trust", "config", "key", "ca"];

/** Commands as a help text lists them. */
function listedCommands(help: string): string[] {
  const block = /^Commands:\n(?<lines>(?: {2}.*\n)+)/mu.exec(help)?.groups?.["lines"] ?? "";
  return [...block.matchAll(/^ {2}(?<name>[a-z-]+)/gmu)].map(({ groups }) => groups?.["name"] ?? "");
}

describe("help", () => {
  it("of the program leads from nothing to a running service and names the exit codes", async () => {
    const { code, stdout, stderr } = await runCli(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const step of ["ca create", "key create", "config example", "config check", "log init", "serve"]) {
      expect(stdout).toContain(`\n  mayfly ${step}`);
    }
    expect(stdout).toContain("Exit codes: 0 done, 1 failed or refused, 2 wrong usage");
  });

  it("lists exactly the commands that are tested here", async () => {
    const found: string[] = [];
    for (const name of listedCommands((await runCli(["--help"])).stdout)) {
      if (name === "help") continue;
      const below = listedCommands((await runCli([name, "--help"])).stdout);
      found.push(...(below.length === 0 ? [name] : below.map((command) => `${name} ${command}`)));
    }
    expect(found.sort()).toEqual([...LEAVES].sort());
  });

  it.each(LEAVES)("of %s says what it does, what it takes and how it is called", async (command) => {
    const { code, stdout, stderr } = await runCli([...command.split(" "), "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [usage = "", , description = ""] = stdout.split("\n");
    expect(usage).toMatch(new RegExp(`^Usage: mayfly ${command} `, "u"));
    expect(description.length).toBeGreaterThan(20);
    expect(stdout).toMatch(/\nOptions:\n/u);
    expect(stdout).toMatch(new RegExp(`\nExamples?:.*\n {2}mayfly ${command}`, "u"));
    // One that takes a value does so in both places.
    const explained = stdout.slice(usage.length);
    for (const [flag] of usage.matchAll(/--[a-z-]+(?: <)?/gu)) expect(explained).toContain(flag);
  });

  it.each(LEAVES)("of %s has every required option in its usage and its example", async (command) => {
    const { stdout } = await runCli([...command.split(" "), "--help"]);
    const required = [...stdout.matchAll(/(--[a-z-]+) <[a-z]+>(?:(?!\n {2}-)[\s\S])*?\(required\)/gu)].map(
      ([, flag]) => flag,
    );
    const example = stdout.slice(stdout.indexOf("\nExample"));
    for (const flag of required) {
      expect(stdout.split("\n")[0]).toContain(flag);
      expect(example).toContain(flag);
    }
    // What `log verify` requires depends on what it verifies.
    expect(required.length > 0).toBe(
      ![
        "ca init",
        "check-config",
        "config example",
        "config schema",
        "config from-fulcio",
        "explain",
        "key policy",
        "log verify",
      ].includes(command),
    );
  });

  it.each(GROUPS)("of %s names its commands and where to read on", async (group) => {
    const { code, stdout } = await runCli([group, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`mayfly ${group} <command> --help`);
  });

  it("of a command is the same after `help`", async () => {
    expect(await runCli(["help", "serve"])).toEqual(await runCli(["serve", "--help"]));
  });

  it.each(["serve", "log verify", "reconcile", "config from-fulcio", "ca check"])(
    "tells which exit codes %s has",
    async (command) => {
      expect((await runCli([...command.split(" "), "--help"])).stdout).toMatch(
        /Exit codes:\n {2}0 .*\n(?: {2}1 .*\n)? {2}2 /u,
      );
    },
  );

  it.each([[[]], ...GROUPS.map((group) => [[group]])])(
    "stands on standard error when nothing is asked: %j",
    async (args) => {
      const { code, stdout, stderr } = await runCli(args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain("Usage: mayfly");
    },
  );
});

describe("a failure", () => {
  it("is one line that ends in its reason, by which its page is found", async () => {
    const { code, stdout, stderr } = await runCli(["explain", "/nowhere.pem"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^mayfly: cannot read \/nowhere\.pem: .* \(FILE_NOT_READ\)\n$/u);
  });
});

describe("wrong usage", () => {
  const CASES: readonly [name: string, args: readonly string[], says: string][] = [
    ["an unknown command", ["launch"], "mayfly: unknown command 'launch'\nTry: mayfly --help\n"],
    ["a mistyped command", ["srve"], "mayfly: unknown command 'srve'\n(Did you mean serve?)\nTry: mayfly --help\n"],
    [
      "an unknown sub-command",
      ["log", "inti"],
      "mayfly: unknown command 'inti'\n(Did you mean init?)\nTry: mayfly log --help\n",
    ],
    ["an unknown option", ["--colour"], "mayfly: unknown option '--colour'\nTry: mayfly --help\n"],
    [
      "a mistyped option, before the one that is then missing",
      ["serve", "--confg", "mayfly.yaml"],
      "mayfly: unknown option '--confg'\n(Did you mean --config?)\nTry: mayfly serve --help\n",
    ],
    [
      "serve without a configuration",
      ["serve"],
      "mayfly: required option '-c, --config <file>' not specified\nTry: mayfly serve --help\n",
    ],
    [
      "log init without a configuration",
      ["log", "init"],
      "mayfly: required option '-c, --config <file>' not specified\nTry: mayfly log init --help\n",
    ],
    [
      "log verify without a configuration",
      ["log", "verify"],
      "mayfly: required option '-c, --config <file>' not specified\nTry: mayfly log verify --help\n",
    ],
    [
      "config check without a file",
      ["config", "check"],
      "mayfly: required option '-c, --config <file>' not specified\nTry: mayfly config check --help\n",
    ],
    [
      "key create without a file",
      ["key", "create"],
      "mayfly: required option '-o, --out <file>' not specified\nTry: mayfly key create --help\n",
    ],
    [
      "key create without a passphrase",
      ["key", "create", "--out", "never-written.json"],
      "mayfly: required option '--passphrase-file <file>' not specified\nTry: mayfly key create --help\n",
    ],
    [
      "ca create without anything",
      ["ca", "create"],
      "mayfly: required option '-d, --directory <folder>' not specified\nTry: mayfly ca create --help\n",
    ],
    [
      "an option without its value",
      ["serve", "--config"],
      "mayfly: option '-c, --config <file>' argument missing\nTry: mayfly serve --help\n",
    ],
    [
      "a word too many",
      ["serve", "mayfly.yaml"],
      "mayfly: too many arguments for 'serve'. Expected 0 arguments but got 1: mayfly.yaml.\nTry: mayfly serve --help\n",
    ],
    [
      "an algorithm that keys do not have",
      ["key", "create", "--algorithm", "rsa", "--out", "never-written.json"],
      "mayfly: option '-a, --algorithm <name>' argument 'rsa' is invalid. Allowed choices are ecdsa-p256, ecdsa-p384, ed25519.\nTry: mayfly key create --help\n",
    ],
  ];

  it.each(CASES)("%s: exit code 2, what is wrong, and where to read on", async (_, args, says) => {
    expect(await runCli(args)).toEqual({ code: 2, stdout: "", stderr: says });
  });
});

it.each(["--version", "-V"])("%s is the version of the package", async (flag) => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  expect(await runCli([flag])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
});
