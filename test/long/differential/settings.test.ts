import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseFulcioDocument } from "../../../src/config/fulcio-document.ts";
import { FULCIO_FLAGS, parseFulcioArguments } from "../../../src/config/fulcio-flags.ts";
import type { FulcioFlagName } from "../../../src/config/fulcio-flags.ts";
import { resolveFulcioSettings } from "../../../src/config/fulcio-settings.ts";
import { FULCIO, fulcioVersion, whatFulcioSays } from "../../support/differential/fulcio-program.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { buildGoTool, goVersion } from "../../support/go-tool.ts";
import { itWhen } from "../../support/it-when.ts";

const isGoThere = goVersion() !== undefined;
const [itWithGo, skipped] = itWhen(isGoThere, "no Go to build Fulcio");

const folder = mkdtempSync(join(tmpdir(), "mayfly-fulcio-settings-"));
const noIssuers = join(folder, "issuers.yaml");

beforeAll(() => {
  writeFileSync(noIssuers, "oidc-issuers: {}\n");
  if (!isGoThere) return;
  buildGoTool(FULCIO);
  recordVersion("Fulcio", fulcioVersion());
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Flags by name, and their defaults, as `fulcio serve --help` shows them; zero values are not shown. */
function flagsInHelp(): Record<string, string> {
  const help = whatFulcioSays(["serve", "--help"]);
  const lines = help.split("\n").filter((line) => /^ +(?:-[a-z], )?--[a-z]/u.test(line));
  return Object.fromEntries(
    lines.flatMap((line) => {
      const { name = "" } = /--(?<name>[A-Za-z0-9._-]+)/u.exec(line)?.groups ?? {};
      const { value = "" } = /\(default (?<value>.*)\)$/u.exec(line)?.groups ?? {};
      return name === "help" ? [] : [[name, value.replaceAll(/^["[]|["\]]$/gu, "")]];
    }),
  );
}

/** It is read from the environment and the settings file alone: Fulcio has no flag of this name any more. */
const NO_FLAG = "gcp_private_ca_version";

/** What the help does not show, because it is the zero value of the flag's type. */
const ZEROS: Readonly<Record<string, string>> = { "gcp-kms-retries": "0", "gcp-kms-timeout": "0" };

interface Given {
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  /** Text of the settings file. */
  readonly file?: string;
}

type Case = readonly [name: string, setting: FulcioFlagName, given: Given];

/** What Fulcio ends with, by the value that it takes for a setting. */
const SAYS: Partial<Record<FulcioFlagName, (value: string) => string>> = {
  ca: (value) => (value === "" ? String.raw`required flag "ca" not set` : `--ca=${value} is not a valid selection`),
  "client-signing-algorithms": (value) => `could not find matching signature algorithm for flag: ${value}`,
  "config-path": (value) => `error loading --config-path=${value}: read file`,
  "ct-log-public-key-path": (value) => `open ${value}: no such file`,
  "ct-log.tls-ca-cert": (value) => `open ${value}: no such file`,
};

const STARTS = ["--ca=ephemeralca", `--config-path=${noIssuers}`];
const LOG_KEY = "ct-log-public-key-path";
const LOG_CA = "ct-log.tls-ca-cert";
const LIST = "client-signing-algorithms";

const CASES: readonly Case[] = [
  ["the default", "ca", {}],
  ["a flag", "ca", { args: ["--ca=flag"] }],
  ["a flag and the word behind it", "ca", { args: ["--ca", "flag"] }],
  ["a flag twice", "ca", { args: ["--ca=one", "--ca=two"] }],
  ["a flag before all", "ca", { args: ["--ca=flag"], env: { FULCIO_SERVE_CA: "env" }, file: "ca: file" }],
  ["a variable before the file", "ca", { env: { FULCIO_SERVE_CA: "env" }, file: "ca: file" }],
  ["an empty variable", "ca", { env: { FULCIO_SERVE_CA: "" }, file: "ca: file" }],
  ["a variable in small letters", "ca", { env: { FULCIO_SERVE_ca: "env" } }],
  ["the file", "ca", { file: "ca: file" }],
  ["the file in capitals", "ca", { file: "CA: file" }],
  ["null in the file", "ca", { file: "ca:" }],
  ["an empty text in the file", "ca", { file: 'ca: ""' }],
  ["a number in the file", "ca", { file: "ca: 17" }],
  ["a folder that is named by a flag", "config-path", { args: ["--ca=ephemeralca", `--config-path=${folder}`] }],
  [
    "a folder that is named by a variable",
    "config-path",
    { args: ["--ca=ephemeralca"], env: { "FULCIO_SERVE_CONFIG-PATH": folder } },
  ],
  ["a variable with dashes", LOG_KEY, { args: STARTS, env: { "FULCIO_SERVE_CT-LOG-PUBLIC-KEY-PATH": "/none" } }],
  [
    "a variable with underscores in place of dashes",
    LOG_KEY,
    { args: [...STARTS, "--ct-log-public-key-path=/flag"], env: { FULCIO_SERVE_CT_LOG_PUBLIC_KEY_PATH: "/none" } },
  ],
  ["a variable with a dot", LOG_CA, { args: STARTS, env: { "FULCIO_SERVE_CT-LOG.TLS-CA-CERT": "/none" } }],
  ["a key with a dot", LOG_CA, { args: STARTS, file: "ct-log.tls-ca-cert: /none" }],
  ["a key in another", LOG_CA, { args: STARTS, file: "ct-log:\n  tls-ca-cert: /none" }],
  ["a list by a flag", LIST, { args: ["--ca=ephemeralca", `--${LIST}=ed25519,unknown`] }],
  ["a list by a flag twice", LIST, { args: ["--ca=ephemeralca", `--${LIST}=unknown`, `--${LIST}=ed25519`] }],
  [
    "a list by a variable",
    LIST,
    { args: ["--ca=ephemeralca"], env: { [`FULCIO_SERVE_${LIST.toUpperCase()}`]: "ed25519  unknown" } },
  ],
  ["a list in the file", LIST, { args: ["--ca=ephemeralca"], file: `${LIST}: [ed25519, unknown]` }],
  ["a list in the file as a text", LIST, { args: ["--ca=ephemeralca"], file: `${LIST}: ed25519 unknown` }],
];

/** What both are given: to Fulcio as a program, to us as texts. */
function asked({ args = [], env = {}, file }: Given) {
  const name = join(folder, "server.yaml");
  if (file !== undefined) writeFileSync(name, `${file}\n`);
  const all = file === undefined ? args : [...args, `--config=${name}`];
  const content = file === undefined ? undefined : { name, content: parseFulcioDocument(file, name).content };
  return {
    ours: () => resolveFulcioSettings({ flags: parseFulcioArguments(all), env, file: content }).settings,
    theirs: () => whatFulcioSays(["serve", ...all], env),
  };
}

describe("what is known of Fulcio's settings", () => {
  itWithGo(`are all the flags that its release has, with their defaults${skipped}`, () => {
    const known = Object.entries(FULCIO_FLAGS).filter(([name]) => name !== NO_FLAG);
    const ours = Object.fromEntries(known.map(([name, flag]) => [name, flag.default]));
    expect({ ...ZEROS, ...withShown(flagsInHelp()) }).toEqual(ours);
    recordEvidence(
      `the ${String(known.length)} flags of Fulcio's \`serve --help\` and their defaults are those that are known`,
    );
  });

  itWithGo.each(CASES)(`is where it takes them from: %s, --%s${skipped}`, (_, setting, given) => {
    const { ours, theirs } = asked(given);
    const { value } = ours()[setting];
    const first = setting === LIST ? (value.split(",").find((name) => name !== "ed25519") ?? "") : value;
    expect(theirs()).toContain(SAYS[setting]?.(first) ?? "nothing to be known by");
  });

  itWithGo.each([
    ["a variable", { env: { [`FULCIO_SERVE_${LIST.toUpperCase()}`]: "ed25519,ecdsa-sha2-256-nistp256" } }],
    ["the file", { file: `${LIST}: ed25519,ecdsa-sha2-256-nistp256` }],
  ])(`is that commas separate names in the flag alone: %s${skipped}`, (_, given) => {
    const { ours, theirs } = asked({ args: ["--ca=ephemeralca"], ...given });
    expect(ours).toThrow("Fulcio separates names by blanks here");
    expect(theirs()).toContain("for flag: ed25519,ecdsa-sha2-256-nistp256");
  });

  itWithGo(`was compared with what it does${skipped}`, () => {
    recordEvidence(
      `Fulcio takes its settings from flags, environment and file as \`config from-fulcio\` does: ${String(CASES.length + 2)} cases`,
    );
  });
});

/** A flag without a default in the help has the zero value, which is an empty text for most. */
function withShown(flags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(flags).filter(([name, value]) => value !== "" || !(name in ZEROS)));
}
