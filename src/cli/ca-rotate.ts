import { Command, Option } from "commander";
import type { RotationReport } from "../compose/rehearse-rotation.ts";
import { loadConfig } from "../config/load-config.ts";
import type { CommandContext } from "./context.ts";
import { makeEntriesProgress } from "./entries-progress.ts";
import { printable, printableJson } from "./printable.ts";
import { configOption, RequiredOption } from "./required-option.ts";

interface CaRotateOptions {
  readonly config: string;
  readonly dryRun: true;
  readonly bundles?: string;
  readonly trustedRoot?: string;
  readonly json?: true;
}

const HELP = `
Examples:
  mayfly ca rotate --dry-run --config coming.yaml
  mayfly ca rotate --dry-run --config coming.yaml --bundles signatures/ --json

Judges certificates that were issued by the trust files of a configuration that is to come: was it issued by one of its CAs, is that
CA trusted for as long as the certificate is valid, is the log that it is in trusted at its time. By default all that are in the
configuration's log; with --bundles those in a folder of PEM, DER and Sigstore bundles, where the SCT is verified too. Nothing is
changed: a rotation is a change of ca.authorities, which a running service takes by itself (docs/rotation.md). A service may be running.

Exit codes:
  0  all of them verify
  1  one does not, or something could not be read
  2  wrong usage`;

/** `mayfly ca rotate --dry-run`: whether certificates that there are verify by the trust files that are to come. */
export function caRotateCommand(context: CommandContext, done: (code: number) => void): Command {
  return new Command("rotate")
    .description("rehearse a rotation: judge issued certificates by the trust files that are to come")
    .usage("--dry-run --config <file> [--bundles <folder>] [--trusted-root <file>] [--json]")
    .addOption(new RequiredOption("--dry-run", "rehearse; there is nothing else that this command does"))
    .addOption(configOption())
    .addOption(new Option("--bundles <folder>", "judge the certificates and bundles in a folder, not those in the log"))
    .addOption(new Option("--trusted-root <file>", "judge by this trusted root, not by that of the configuration"))
    .addOption(new Option("--json", "print one JSON object"))
    .addHelpText("after", HELP)
    .action(async ({ config, bundles, trustedRoot, json }: CaRotateOptions) => {
      const { rehearseRotation } = await import("../compose/rehearse-rotation.ts");
      const progress = makeEntriesProgress(context);
      const options = {
        config: loadConfig(config),
        ...(bundles === undefined ? {} : { bundles }),
        ...(trustedRoot === undefined ? {} : { trustedRoot }),
        onProgress: progress.show,
      };
      const report = await rehearseRotation(options).finally(progress.end);
      context.stdout(json === true ? `${printableJson(report)}\n` : asText(report));
      if (report.lost > 0) done(1);
    });
}

function asText({ judged, lost, examples }: RotationReport): string {
  const lines = [
    ...examples.map(({ where, what }) => `${printable(where)}: ${printable(what)}`),
    ...(lost > examples.length ? [`and ${String(lost - examples.length)} more`] : []),
    `${String(judged)} certificates judged, ${String(lost)} would not verify`,
  ];
  return `${lines.join("\n")}\n`;
}
