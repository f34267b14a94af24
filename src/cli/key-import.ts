import { Command, Option } from "commander";
import { importKey } from "../compose/import-key.ts";
import type { CommandContext } from "./context.ts";
import { passphraseFileOption, passphraseFrom } from "./passphrase-option.ts";
import { RequiredOption } from "./required-option.ts";

interface KeyImportOptions {
  readonly from: string;
  readonly fromPassphraseFile?: string;
  readonly out: string;
  readonly passphraseFile: string;
}

/** `mayfly key import`: another program's key in an encrypted file of ours. */
export function keyImportCommand(context: CommandContext): Command {
  return new Command("import")
    .description("take over a private key from a PEM file, such as that of a Fulcio with --ca fileca")
    .usage("--from <file> [--from-passphrase-file <file>] --out <file> --passphrase-file <file>")
    .addOption(
      new RequiredOption(
        "--from <file>",
        "PEM file: PKCS#8, PKCS#1 or SEC 1, encrypted or not, or as cosign encrypts it",
      ),
    )
    .addOption(
      new Option("--from-passphrase-file <file>", "file that holds the passphrase of that one, where it has one"),
    )
    .addOption(new RequiredOption("-o, --out <file>", "key file to write; must not exist"))
    .addOption(passphraseFileOption())
    .addHelpText(
      "after",
      "\nExample:\n" +
        "  mayfly key import --from ca-key.pem --from-passphrase-file old-passphrase --out keys/issuing.json \\\n" +
        "    --passphrase-file keys/passphrase\n" +
        "\nThe file that is read stays as it is. Prints the public key as PEM; a CA's must be the one in its certificate.",
    )
    .action(async (options: KeyImportOptions) => {
      const { from, fromPassphraseFile, out } = options;
      const publicKey = await importKey({
        from,
        fromPassphrase: fromPassphraseFile === undefined ? undefined : { file: fromPassphraseFile },
        file: out,
        passphrase: passphraseFrom(options),
        env: context.env,
      });
      context.stdout(`${publicKey}\n`);
    });
}
