import { Command, Option } from "commander";
import type { CaReport } from "../compose/check-ca.ts";
import { loadConfig } from "../config/load-config.ts";
import type { CommandContext } from "./context.ts";
import { printable, printableJson } from "./printable.ts";
import { configOption } from "./required-option.ts";

interface CaCheckOptions {
  readonly config: string;
  readonly trustedRoot?: string;
  readonly authority?: string;
  readonly json?: true;
}

const HELP = `
Examples:
  mayfly ca check --config mayfly.yaml
  mayfly ca check --config mayfly.yaml --authority 2027
  mayfly ca check --config mayfly.yaml --trusted-root trusted_root.json --json

Judges ca.chain and ca.signer by every rule of the profile, where a start stops at the first: form, key usage, purposes, path
length, names, validity against that of certificates, and what Sigstore's clients insist on. The key is opened as a start opens
it, compared with the chain, and signs a text that is worth nothing. Each finding has its rule, what is wrong, and what to do;
docs/ceremony.md lists the rules. A service may be running.

Exit codes:
  0  the CA can be used; there may be warnings and notes
  1  there is an error among the findings, or something could not be read
  2  wrong usage`;

/** `mayfly ca check`: judges the CA of a configuration, its key included. */
export function caCheckCommand(context: CommandContext, done: (code: number) => void): Command {
  return new Command("check")
    .description("judge the CA of a configuration: chain, key, and a test signature")
    .usage("--config <file> [--authority <name>] [--trusted-root <file>] [--json]")
    .addOption(configOption())
    .addOption(new Option("--authority <name>", "issuing CA of ca.authorities; the one that issues when left out"))
    .addOption(
      new Option("--trusted-root <file>", "trusted root that clients have, which must hold exactly this chain"),
    )
    .addOption(new Option("--json", "print one JSON object"))
    .addHelpText("after", HELP)
    .action(async ({ config, trustedRoot, authority, json }: CaCheckOptions) => {
      const { checkCa } = await import("../compose/check-ca.ts");
      const options = {
        env: context.env,
        ...(trustedRoot === undefined ? {} : { trustedRoot }),
        ...(authority === undefined ? {} : { authority }),
      };
      const report = await checkCa(loadConfig(config), options);
      context.stdout(json === true ? `${printableJson(report)}\n` : asText(report));
      if (count(report, "error") > 0) done(1);
    });
}

const count = ({ findings }: CaReport, severity: string): number =>
  findings.filter((finding) => finding.severity === severity).length;

function asText(report: CaReport): string {
  const lines = [
    ...report.certificates.flatMap(({ commonName, algorithm, sha256, keySha256, notAfter }, at) => [
      `certificate ${String(at + 1)}: ${printable(commonName)}`,
      `  key ${algorithm}, valid to ${notAfter}`,
      `  sha256      ${sha256}`,
      `  key sha256  ${keySha256}`,
    ]),
    ...report.findings.flatMap(({ severity, rule, clients, what, remedy }) => [
      `${severity}: ${rule}${clients === undefined ? "" : ` (${clients})`}: ${printable(what)}`,
      `  do: ${remedy}`,
    ]),
    `${report.chain}: ${count(report, "error") === 0 ? "good" : "cannot be used"} (${counts(report)})`,
  ];
  return `${lines.join("\n")}\n`;
}

function counts(report: CaReport): string {
  return (["error", "warning", "note"] as const)
    .map((severity) => `${String(count(report, severity))} ${severity}${count(report, severity) === 1 ? "" : "s"}`)
    .join(", ");
}
