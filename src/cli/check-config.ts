import { Command, Option } from "commander";
import { judgeConfig } from "../config/load-config.ts";
import { unsafeOptions } from "../config/rules.ts";
import { readYamlFile } from "../config/yaml-file.ts";
import type { AskedIssuer } from "../compose/ask-issuers.ts";
import type { SampleJudgement } from "../compose/judge-samples.ts";
import type { CommandContext } from "./context.ts";
import { printable, printableJson } from "./printable.ts";

interface CheckConfigOptions {
  readonly tokens?: string;
  readonly online?: boolean;
  readonly json?: true;
}

interface Report {
  readonly file: string;
  readonly environment: string;
  readonly issuers: number;
  /** What a service that is started with it, at this place, calls it: lower-case hex SHA-256. */
  readonly digest: string;
  readonly warnings: readonly string[];
  readonly asked: readonly AskedIssuer[];
  readonly tokens: readonly SampleJudgement[];
}

const HELP = `
Examples:
  mayfly check-config mayfly.yaml
  mayfly check-config mayfly.yaml --tokens samples/
  mayfly check-config mayfly.yaml --online --json

A sample is a file with a compact JWT or with JSON of its claims. It is judged as at the moment of its iat; neither its
signature nor whether it has expired is looked at, unless --online asks the issuers. No token is printed. See docs/check-config.md.

Exit codes:
  0  the configuration can be used, each sample gets a certificate, each issuer that was asked answered
  1  it cannot be used, a sample is refused, or an issuer did not answer
  2  wrong usage`;

/** `mayfly check-config`: judges a configuration with the files it names, and what would become of recorded tokens. */
export function checkConfigCommand(context: CommandContext, done: (code: number) => void): Command {
  return new Command("check-config")
    .description("judge a configuration, and what certificates recorded tokens would get by it")
    .usage("<file> [--tokens <folder>] [--online] [--json]")
    .argument("<file>", "configuration file (YAML)")
    .addOption(new Option("--tokens <folder>", "sample tokens, one in each file: a compact JWT, or JSON of claims"))
    .addOption(new Option("--online", "fetch issuers' keys, and verify signatures and times with them"))
    .addOption(new Option("--json", "print one JSON object"))
    .addHelpText("after", HELP)
    .action(async (file: string, options: CheckConfigOptions) => {
      const report = await check(file, options);
      context.stdout(options.json === true ? `${printableJson(report)}\n` : asText(report));
      const isRefused = report.tokens.some(({ outcome }) => outcome === "refused");
      const isAway = report.asked.some(({ failure }) => failure !== undefined);
      if (isRefused || isAway) done(1);
    });
}

async function check(file: string, { tokens: folder, online: isOnline = false }: CheckConfigOptions): Promise<Report> {
  const { config, warnings } = judgeConfig(readYamlFile(file), file);
  // A service that starts has no use for the command, nor the other commands for what it opens.
  const { openConfiguration } = await import("../compose/open-configuration.ts");
  const { issuers, digest } = openConfiguration(config);
  const unsafe = unsafeOptions(config).map((name) => `unsafe option in force: ${name}`);
  const report = {
    file,
    environment: config.environment,
    issuers: config.issuers.length,
    digest,
    warnings: [...warnings, ...unsafe],
  };
  if (folder === undefined && !isOnline) return { ...report, asked: [], tokens: [] };
  const { askIssuers } = await import("../compose/ask-issuers.ts");
  const { judgeSamples } = await import("../compose/judge-samples.ts");
  return {
    ...report,
    asked: isOnline ? await askIssuers(issuers) : [],
    tokens: folder === undefined ? [] : await judgeSamples(issuers, folder, isOnline),
  };
}

function asText({ file, environment, issuers, digest, warnings, asked, tokens }: Report): string {
  const lines = [
    ...warnings.map((warning) => `warning: ${printable(warning)}`),
    ...asked.map(describeAsked),
    ...tokens.flatMap(describeSample),
    `sha256 of the configuration: ${digest}`,
    `${file}: good (${environment}, ${issuers === 1 ? "1 issuer" : `${String(issuers)} issuers`})`,
  ];
  return `${lines.join("\n")}\n`;
}

function describeAsked({ url, keys, isFromFile, failure }: AskedIssuer): string {
  if (failure !== undefined) return `${url}: ${printable(failure)}`;
  const count = keys === 1 ? "1 key" : `${String(keys)} keys`;
  return `${url}: ${count}, ${isFromFile ? "from its file: nothing is fetched" : "fetched"}`;
}

function describeSample(sample: SampleJudgement): readonly string[] {
  const unseen = sample.skipped.length === 0 ? "" : ` (not looked at: ${sample.skipped.join(", ")})`;
  if (sample.outcome === "refused") {
    return [
      `${printable(sample.file)}: refused, ${sample.reason}${unseen}`,
      `  ${printable(sample.detail)}; see docs/reasons/${sample.reason}.md`,
    ];
  }
  return [
    `${printable(sample.file)}: a certificate${unseen}`,
    ...sample.names.map(({ kind, value }) => `  identity: ${printable(value)} (${kind})`),
    `  allowed by: ${sample.rule} of ${printable(sample.issuer)}, audience ${printable(sample.audience)}`,
    ...sample.extensions.map(({ name, oid, value }) => `  ${printable(name ?? oid)}: ${printable(value)}`),
  ];
}
