import { Command } from "commander";
import { createCa } from "../compose/create-ca.ts";
import type { CommandContext } from "./context.ts";
import { passphraseFileOption, passphraseFrom } from "./passphrase-option.ts";
import { RequiredOption } from "./required-option.ts";

interface CaCreateOptions {
  readonly directory: string;
  readonly organization: string;
  readonly passphraseFile: string;
}

/** `mayfly ca create`: a root and an issuing CA in encrypted files, and their chain. */
export function caCreateCommand(context: CommandContext): Command {
  return new Command("create")
    .description("make a root (P-384, 10 years) and an issuing CA (P-256, 3 years) with keys in encrypted files")
    .usage("--directory <folder> --organization <name> --passphrase-file <file>")
    .addOption(
      new RequiredOption("-d, --directory <folder>", "where root.json, issuing.json and chain.pem are written"),
    )
    .addOption(new RequiredOption("--organization <name>", "organization (O) in the subjects of both certificates"))
    .addOption(passphraseFileOption())
    .addHelpText(
      "after",
      "\nExample:\n" +
        "  mayfly ca create --directory keys --organization example.com --passphrase-file keys/passphrase\n" +
        "\nPrints the files it wrote; refuses when one of them exists. Move root.json to offline storage afterwards:\n" +
        "`mayfly serve` needs issuing.json and chain.pem only. The root in chain.pem is what relying parties trust.",
    )
    .action(async (options: CaCreateOptions) => {
      const { directory, organization } = options;
      const files = await createCa({ directory, organization, passphrase: passphraseFrom(options), env: context.env });
      for (const file of files) context.stdout(`${file}\n`);
    });
}
